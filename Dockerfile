# weir in a small image: built on Debian 12, run on Debian 12 without compilers, as a user without rights.
# The configuration is not in the image: mount it at /etc/weir/conf.d.
FROM debian:12-slim AS build
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    gcc libc6-dev cmake ninja-build pkg-config \
    librdkafka-dev libinih-dev libjson-c-dev libssl-dev libmicrohttpd-dev libmimalloc-dev libdw-dev
WORKDIR /src
COPY . .
RUN cmake -S . -B build -G Ninja -DWEIR_TESTS=OFF && cmake --build build --target product \
    && cmake --install build --strip

FROM debian:12-slim
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    ca-certificates librdkafka1 libinih1 libjson-c5 libssl3 libmicrohttpd12 libmimalloc2.0 libdw1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin weir
COPY --from=build /usr/local /usr/local
USER weir
ENTRYPOINT ["weir"]
CMD ["run", "-c", "/etc/weir/conf.d"]
