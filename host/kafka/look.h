/* look.h: what the brokers say about a topic that is about to be used. */
#ifndef WEIR_KAFKA_LOOK_H
#define WEIR_KAFKA_LOOK_H

enum look {
    LOOK_GOOD,   /* it is there */
    LOOK_AWAY,   /* brokers do not answer (yet) */
    LOOK_ABSENT, /* it does not exist (yet) */
    LOOK_BAD     /* it cannot be used, and waiting does not help */
};

#endif
