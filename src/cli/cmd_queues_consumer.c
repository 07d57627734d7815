/* selvage queues consumer list, queues consumer http add|remove|list, and what is said of workers
 */
#include <stdio.h>

#include "cli/queues_int.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "fmt/json.h"
#include "queue/queue.h"

/* ---- add, remove ---- */

static slv_code put_consumer(queue_verb *v, slv_err *err)
{
    const char *dead = slv_args_string(v->args, "dead-letter-queue");
    bool first = true;

    SLV_TRY(slv_buf_append(&v->body, SLV_STR("{\"type\":\"http_pull\",\"settings\":{")));
    SLV_TRY(slv_queue_verb_put_number(v, "batch-size", "batch_size", 1, 100, 1, &first, err));
    SLV_TRY(slv_queue_verb_put_number(v, "message-retries", "max_retries", 0, 100, 1, &first, err));
    SLV_TRY(slv_queue_verb_put_number(v, "visibility-timeout-secs", "visibility_timeout_ms", 0,
                                      SLV_QUEUE_LEASE_MAX_MS / 1000, 1000, &first, err));
    SLV_TRY(slv_queue_verb_put_number(v, "retry-delay-secs", "retry_delay", 0, SLV_QUEUE_DELAY_MAX,
                                      1, &first, err));
    SLV_TRY(slv_buf_append_byte(&v->body, '}'));
    if (dead) {
        SLV_TRY(slv_buf_append(&v->body, SLV_STR(",\"dead_letter_queue\":")));
        SLV_TRY(slv_json_put_string(&v->body, slv_str_from(dead)));
    }
    return slv_buf_append_byte(&v->body, '}');
}

static slv_code add(queue_verb *v, slv_err *err)
{
    printf("Adding consumer to queue %s.\n", v->name);
    SLV_TRY(put_consumer(v, err));
    SLV_TRY(slv_queue_verb_path(v, "/consumers", err));
    SLV_TRY(slv_queue_verb_send(v, "POST", NULL, err));
    printf("Added consumer to queue %s.\n", v->name);
    return SLV_OK;
}

static int exec_add(const slv_args *args)
{
    return slv_queue_verb_run(args, true, add);
}

static slv_code remove_consumer(queue_verb *v, slv_err *err)
{
    const slv_node *list = slv_node_get(v->queue, "consumers");
    SLV_CLEANUP(slv_buf_done) slv_buf rest = SLV_BUF(256);

    printf("Removing consumer from queue %s.\n", v->name);
    if (!list || !list->first)
        return slv_fail(err, SLV_E_NOTFOUND, "No http_pull consumer exists for queue %s", v->name);
    SLV_TRY(slv_buf_printf(&rest, "/consumers/%.*s",
                           SLV_STR_ARGS(slv_node_str(slv_node_get(list->first, "consumer_id")))));
    SLV_TRY(slv_queue_verb_path(v, slv_buf_cstr(&rest), err));
    SLV_TRY(slv_queue_verb_send(v, "DELETE", NULL, err));
    printf("Removed consumer from queue %s.\n", v->name);
    return SLV_OK;
}

static int exec_remove(const slv_args *args)
{
    return slv_queue_verb_run(args, true, remove_consumer);
}

/* ---- list ---- */

static void print_table(const slv_node *consumers)
{
    static const char *const columns[] = {"consumer_id", "dead_letter_queue",     "batch_size",
                                          "max_retries", "visibility_timeout_ms", "retry_delay"};
    SLV_CLEANUP(slv_table_free) slv_table *t = slv_table_new(columns, SLV_ARRAY_LEN(columns));

    for (const slv_node *c = consumers->first; c; c = c->next) {
        slv_str cells[SLV_ARRAY_LEN(columns)];

        for (size_t i = 0; i < SLV_ARRAY_LEN(columns); i++) {
            const slv_node *n = slv_node_get(i < 2 ? c : slv_node_get(c, "settings"), columns[i]);

            cells[i] = n ? n->text : SLV_STR("-");
        }
        slv_table_row(t, cells);
    }
    slv_table_print(t, stdout);
}

static slv_code list(queue_verb *v, slv_err *err)
{
    slv_node *consumers = NULL;

    SLV_TRY(slv_queue_verb_path(v, "/consumers", err));
    SLV_TRY(slv_queue_verb_send(v, "GET", &consumers, err));
    if (slv_args_bool(v->args, "json", false))
        slv_rest_print_json(stdout, consumers);
    else if (!consumers->first)
        printf("No consumers found for queue \"%s\".\n", v->name);
    else
        print_table(consumers);
    return SLV_OK;
}

static int exec_list(const slv_args *args)
{
    return slv_queue_verb_run(args, true, list);
}

/* ---- workers ---- */

static int exec_worker(const slv_args *args)
{
    slv_err err;

    slv_fail(
        &err, SLV_E_UNSUPPORTED,
        "a worker takes a queue's messages when its configuration has [[queues.consumers]] with "
        "the queue's name; there is nothing to %s here",
        slv_str_ends(slv_str_from(args->cmd->name), SLV_STR("add")) ? "add" : "remove");
    return slv_cmd_fail(args->cmd, &err);
}

/* ---- the verbs ---- */

static const slv_flag add_flags[] = {
    {"batch-size", SLV_FLAG_NUMBER, 0, "N",
     "messages that one pull gives, unless it says otherwise"},
    {"message-retries", SLV_FLAG_NUMBER, 0, "N", "how often a message is tried again"},
    {"dead-letter-queue", SLV_FLAG_STRING, 0, "NAME", "where messages go after their last try"},
    {"visibility-timeout-secs", SLV_FLAG_NUMBER, 0, "SECONDS",
     "how long a message that was pulled is kept for its puller"},
    {"retry-delay-secs", SLV_FLAG_NUMBER, 0, "SECONDS",
     "how long a message waits to be tried again"},
    SLV_REST_FLAGS,
};
static const slv_flag list_flags[] = {
    {"json", SLV_FLAG_BOOL, 0, NULL, "print JSON"},
    SLV_REST_FLAGS,
};
static const slv_flag plain_flags[] = {
    SLV_REST_FLAGS,
};
static const slv_flag worker_flags[] = {
    {"batch-size", SLV_FLAG_NUMBER, 0, "N", NULL},
    {"batch-timeout", SLV_FLAG_NUMBER, 0, "SECONDS", NULL},
    {"message-retries", SLV_FLAG_NUMBER, 0, "N", NULL},
    {"dead-letter-queue", SLV_FLAG_STRING, 0, "NAME", NULL},
    {"max-concurrency", SLV_FLAG_NUMBER, 0, "N", NULL},
    {"retry-delay-secs", SLV_FLAG_NUMBER, 0, "SECONDS", NULL},
    SLV_REST_FLAGS,
};

#define VERB(id, words, what, flags_of, arguments, count, run)                                     \
    const slv_cmd slv_cmd_queues_##id##_verb = {                                                   \
        .name = "queues consumer " words,                                                          \
        .args = arguments,                                                                         \
        .usage = what,                                                                             \
        .flags = flags_of,                                                                         \
        .flag_count = SLV_ARRAY_LEN(flags_of),                                                     \
        .max_positional = count,                                                                   \
        .exec = run,                                                                               \
    }

VERB(consumer_list, "list", "list a queue's consumers that pull", list_flags, "<name>", 1,
     exec_list);
VERB(http_add, "http add", "let messages be pulled by HTTP", add_flags, "<name>", 1, exec_add);
VERB(http_list, "http list", "list a queue's consumers that pull", list_flags, "<name>", 1,
     exec_list);
VERB(http_remove, "http remove", "pulling by HTTP ends", plain_flags, "<name>", 1, exec_remove);
VERB(consumer_add, "add", "workers that consume say so in their configuration", worker_flags,
     "<name> <worker>", 2, exec_worker);
VERB(consumer_remove, "remove", "workers that consume say so in their configuration", plain_flags,
     "<name> <worker>", 2, exec_worker);
