/* micro_plugins.c: what a record costs in each plugin, by itself.
 *
 *   micro_plugins PLUGIN_DIR [RECORDS]
 *
 * For each a chain of that stage (as the shipped chain has it) before or behind one sink, beside the chain of
 * that sink alone; prints the difference, which is the plugin with all that the host does for its calls. The
 * chains take turns, and each counts with its best round. */
#include "micro.h"

#include <string.h>
#include <unistd.h>

#define ROUNDS 9
#define IN_FLIGHT 100
#define CHAIN "[kafka]\nbootstrap.servers = none\n[chain c]\nsource = in\ngroup = g\nstart = earliest\n"
#define OUT "[stage out]\nplugin = kafka_sink\ntopic = out\n"
#define FAILED "[stage errors]\nplugin = kafka_sink\nfrom = failed\ntopic = errors\nformat = error\n"

static const struct {
    const char *name, *text;
} chains[] = {
    {"the record and one sink", CHAIN OUT FAILED},
    {"age_filter", CHAIN "[stage s]\nplugin = age_filter\nmax_age = 60s\n" OUT FAILED},
    {"validator, seven required, one number",
     CHAIN "[stage s]\nplugin = validator\nrequired = user_id, ip, device_id, app_version, device_type, "
           "timestamp, locale\nnumber = timestamp\n" OUT FAILED},
    {"version_filter",
     CHAIN "[stage s]\nplugin = version_filter\nfield = app_version\naccept = 2.3.0\n" OUT FAILED},
    {"pii_masker, an address and a hash",
     CHAIN "[stage s]\nplugin = pii_masker\nmask_ip = ip\nhash = device_id\n" OUT FAILED},
    {"kafka_sink, another one", CHAIN OUT "[stage s]\nplugin = kafka_sink\ntopic = more\n" FAILED},
    {"metrics, and the sink for its record",
     CHAIN OUT FAILED "[stage s]\nplugin = metrics\nfrom = *\nid = user_id\nsince = timestamp\nemit = m\n"
                      "[stage t]\nplugin = kafka_sink\nfrom = m\ntopic = metrics\n"},
    {"metrics, 100 records joined",
     CHAIN OUT FAILED "[stage s]\nplugin = metrics\nfrom = *\nid = user_id\nsince = timestamp\nemit = m\n"
                      "[stage t]\nplugin = kafka_sink\nfrom = m\ntopic = metrics\nbatch = 100\n"
                      "join = message_details\n"},
    {"summary, two fields counted",
     CHAIN OUT FAILED "[stage s]\nplugin = summary\nfrom = *\ncount = device_type, locale\nemit = y\n"
                      "[stage t]\nplugin = kafka_sink\nfrom = y\ntopic = summary\n"},
};

#define CHAINS (sizeof chains / sizeof *chains)

static void open_text(struct micro *m, const char *text, const char *plugin_dir)
{
    char dir[] = "/tmp/weir-micro-XXXXXX", path[sizeof dir + sizeof "/c.conf"];
    FILE *f = NULL;

    if (mkdtemp(dir)) {
        snprintf(path, sizeof path, "%s/c.conf", dir);
        f = fopen(path, "w");
    }
    if (!f || fputs(text, f) < 0 || fclose(f) != 0) {
        perror("micro_plugins");
        exit(1);
    }
    micro_open(m, dir, plugin_dir);
    unlink(path);
    rmdir(dir);
}

int main(int argc, char **argv)
{
    uint64_t records = argc > 2 ? strtoull(argv[2], NULL, 10) : 200000;
    struct micro m[CHAINS];
    double best[CHAINS];

    if (argc < 2 || records == 0) {
        fprintf(stderr, "usage: micro_plugins PLUGIN_DIR [RECORDS]\n");
        return 2;
    }
    for (size_t i = 0; i < CHAINS; i++)
        open_text(&m[i], chains[i].text, argv[1]);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < CHAINS; i++) {
            double ns = micro_run(&m[i], IN_FLIGHT, records);

            best[i] = round == 0 || ns < best[i] ? ns : best[i];
        }
    }
    for (size_t i = 0; i < CHAINS; i++) {
        printf("%7.1f ns  %s\n", i ? best[i] - best[0] : best[0], chains[i].name);
        micro_close(&m[i]);
    }
    return 0;
}
