/* demo_run.c: see demo_run.h.
 *
 * One thread does it all in turns of some milliseconds: make the events that are due, read what has arrived,
 * show it. It sleeps in reader_poll(). The clock of the demo starts with the assignment, because the embedded
 * broker makes a new group wait three seconds. */
#include "cli/demo_run.h"

#include "cli/colour.h"
#include "cli/demo_view.h"

#include "base/clock.h"
#include "kafka/reader.h"
#include "kafka/writer.h"

#include <stdio.h>
#include <unistd.h>

#define TURN_MS 10
#define SCREEN_MS 150  /* between two pictures */
#define PLAIN_MS 1000  /* between two lines */
#define RECORD_MS 1000 /* how long a record stays in the picture: long enough to read some of it */
#define DRAIN_MS 15000 /* at most, for the chain to finish */
#define QUIET_MS 400   /* without a record: all have arrived */
#define BATCH_MAX 1000
#define EVENT_MAX 4096

static void enter(struct demo_run *run, enum demo_phase phase)
{
    run->phase = phase;
    run->phase_ms = clock_mono_ms();
}

/* ---- records */

static void see(void *self, const struct record *record)
{
    struct demo_run *run = self;

    run->arrived_ms = clock_mono_ms();
    if (str_eq(record->topic, run->flow.source))
        run->flow.in++; /* not where it is sent: other clients may send, too */
    flow_arrived(&run->flow, record->topic, record->value, run->arrived_ms, RECORD_MS);
}

static void make_events(struct demo_run *run)
{
    struct record record = {.partition = -1, .has_timestamp = true};
    struct login login;

    for (int64_t n = pace_due(&run->pace, clock_mono_ms(), BATCH_MAX); n > 0; n--) {
        if (!login_next(&run->maker, clock_wall_ms(), &run->event, &login))
            return;
        record.value = login.value;
        record.timestamp_ms = login.timestamp_ms;
        while (!writer_send(run->writer, &record))
            writer_poll(run->writer, 10);
    }
}

/* ---- what is shown */

static const char *state_of(const struct demo_run *run)
{
    static const char *const states[] = {
        [DEMO_JOINING] = "joining the group (3 s)",
        [DEMO_RUNNING] = NULL,
        [DEMO_DRAINING] = "draining",
        [DEMO_SETTLING] = "draining",
        [DEMO_OVER] = NULL,
    };

    return states[run->phase];
}

static int64_t elapsed_ms(const struct demo_run *run)
{
    if (!run->start_ms)
        return 0;
    return (run->end_ms ? run->end_ms : clock_mono_ms()) - run->start_ms;
}

static void show_picture(struct demo_run *run)
{
    struct view view = {
        .flow = &run->flow,
        .title = run->title,
        .brokers = run->brokers,
        .state = state_of(run),
        .elapsed_ms = elapsed_ms(run),
        .colour = colour_wanted(STDOUT_FILENO),
    };

    screen_size(&view.width, &view.height);
    buf_reset(&run->text);
    view_draw(&view, &run->text);
    screen_show(&run->screen, buf_str(&run->text));
}

static void show_line(struct demo_run *run)
{
    const struct flow *flow = &run->flow;

    if (run->phase == DEMO_JOINING)
        return;
    printf("%02lld:%02lld  in %llu", (long long)elapsed_ms(run) / 60000,
           (long long)elapsed_ms(run) / 1000 % 60, (unsigned long long)flow->in);
    for (size_t i = 0; i < flow->n_rows; i++) {
        if (flow->rows[i].topic.ptr)
            printf("  " STR_FMT " %llu", STR_ARG(flow->rows[i].topic),
                   (unsigned long long)flow->rows[i].arrived);
    }
    printf("  skipped %llu\n", (unsigned long long)flow_dropped(flow));
    fflush(stdout);
}

static void show(struct demo_run *run)
{
    int64_t now = clock_mono_ms(), every = run->on_screen ? SCREEN_MS : PLAIN_MS;

    if (now - run->shown_ms < every && !run->interrupt.resized)
        return;
    run->interrupt.resized = false;
    run->shown_ms = now;
    if (run->phase != DEMO_JOINING)
        flow_tick(&run->flow, now);
    if (run->on_screen)
        show_picture(run);
    else
        show_line(run);
}

/* ---- the course */

static bool is_drained(const struct demo_run *run, const struct task_status *status)
{
    struct writer_counts sent = writer_counts(run->writer);

    if (clock_mono_ms() - run->phase_ms > DRAIN_MS)
        return true;
    return sent.acknowledged + sent.refused >= sent.sent && run->flow.in >= sent.acknowledged &&
           status->source.taken >= run->flow.in && status->in_flight == 0 && status->sends == 0;
}

static void stop_events(struct demo_run *run)
{
    run->end_ms = clock_mono_ms();
    enter(run, DEMO_DRAINING);
}

static void advance(struct demo_run *run, const struct task_status *status)
{
    int64_t now = clock_mono_ms();
    bool asked = interrupt_wait(&run->interrupt, 0);

    run->interrupt.asked = false;
    switch (run->phase) {
    case DEMO_JOINING:
        if (asked) {
            enter(run, DEMO_OVER);
        } else if (status->source.assigned > 0 && reader_ready(run->reader)) {
            run->start_ms = now;
            pace_init(&run->pace, run->rate, now);
            enter(run, DEMO_RUNNING);
        }
        break;
    case DEMO_RUNNING:
        if (asked || (run->length_ms >= 0 && now - run->start_ms >= run->length_ms))
            stop_events(run);
        break;
    case DEMO_DRAINING:
        if (asked || is_drained(run, status)) {
            demo_task_stop(&run->task);
            run->arrived_ms = clock_mono_ms();
            enter(run, DEMO_SETTLING);
        }
        break;
    default:
        if (asked || now - run->arrived_ms >= QUIET_MS)
            enter(run, DEMO_OVER);
    }
}

static void turn(struct demo_run *run)
{
    struct task_status status;
    bool ended;

    if (run->phase == DEMO_RUNNING)
        make_events(run);
    writer_poll(run->writer, 0);
    reader_poll(run->reader, TURN_MS, see, run, NULL);
    status = demo_task_read(&run->task, &run->flow, &ended);
    if (ended && run->phase < DEMO_SETTLING) {
        run->failed = true;
        enter(run, DEMO_OVER);
    } else {
        advance(run, &status);
    }
    show(run);
}

static bool is_balanced(const struct flow *flow)
{
    return !flow->can_balance || flow->in == flow_out(flow) + flow_dropped(flow);
}

static void print_result(struct demo_run *run)
{
    const struct login_maker *maker = &run->maker;

    if (run->failed)
        fprintf(stderr, "weir demo: the chain stopped: %s\n", demo_task_why(&run->task));
    if (!run->start_ms)
        return;
    printf("\nweir demo: %lld seconds, %llu login events:", (long long)(elapsed_ms(run) + 500) / 1000,
           (unsigned long long)login_total(maker));
    for (int kind = 0; kind < LOGIN_KINDS; kind++)
        printf("%s %llu %s", kind ? "," : "", (unsigned long long)maker->made[kind],
               login_kind_name((enum login_kind)kind));
    printf("\n\n");
    buf_reset(&run->text);
    view_add_summary(&run->flow, &run->text);
    fwrite(run->text.ptr, 1, run->text.len, stdout);
}

bool demo_run(struct demo_run *run)
{
    buf_init(&run->text, (size_t)1 << 20);
    buf_init(&run->event, EVENT_MAX);
    enter(run, DEMO_JOINING);
    if (run->on_screen)
        screen_open(&run->screen);
    while (run->phase != DEMO_OVER)
        turn(run);
    demo_task_stop(&run->task);
    screen_close(&run->screen, run->failed);
    print_result(run);
    buf_fini(&run->text);
    buf_fini(&run->event);
    return !run->failed && is_balanced(&run->flow);
}
