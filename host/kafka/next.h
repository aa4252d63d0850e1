/* next.h: what to do after a step of a transaction. Apart from transaction.h, which knows librdkafka. */
#ifndef WEIR_KAFKA_NEXT_H
#define WEIR_KAFKA_NEXT_H

enum transaction_next {
    TRANSACTION_ON,     /* done */
    TRANSACTION_AGAIN,  /* not yet: make the same call again */
    TRANSACTION_ABORT,  /* it can only be aborted */
    TRANSACTION_REPLACE /* the producer is finished */
};

/** Why a step did not go well; for people. */
struct transaction_fault {
    int err; /* librdkafka's */
    char text[512];
};

#endif
