/*
 * selvage queues consumer list, queues consumer http add|remove|list, queues consumer worker
 * add|remove|list; "queues consumer add" and "remove" are those of workers.
 */
#include <stdio.h>

#include "cli/exit.h"
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
    static const char *const columns[] = {"consumer_id",
                                          "type",
                                          "script",
                                          "dead_letter_queue",
                                          "batch_size",
                                          "max_wait_time_ms",
                                          "max_retries",
                                          "max_concurrency",
                                          "visibility_timeout_ms",
                                          "retry_delay"};
    SLV_CLEANUP(slv_table_free) slv_table *t = slv_table_new(columns, SLV_ARRAY_LEN(columns));

    for (const slv_node *c = consumers->first; c; c = c->next) {
        slv_str cells[SLV_ARRAY_LEN(columns)];

        for (size_t i = 0; i < SLV_ARRAY_LEN(columns); i++) {
            const slv_node *n = slv_node_get(i < 4 ? c : slv_node_get(c, "settings"), columns[i]);

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

static slv_code put_worker(queue_verb *v, slv_err *err)
{
    const char *dead = slv_args_string(v->args, "dead-letter-queue");
    bool first = true;

    SLV_TRY(slv_buf_append(&v->body, SLV_STR("{\"type\":\"worker\",\"environment_name\":\"\","
                                             "\"script_name\":")));
    SLV_TRY(slv_json_put_string(&v->body, slv_str_from(v->args->positional.items[1])));
    SLV_TRY(slv_buf_append(&v->body, SLV_STR(",\"settings\":{")));
    SLV_TRY(slv_queue_verb_put_number(v, "batch-size", "batch_size", 1, 100, 1, &first, err));
    SLV_TRY(slv_queue_verb_put_number(v, "batch-timeout", "max_wait_time_ms", 0, 60, 1000, &first,
                                      err));
    SLV_TRY(slv_queue_verb_put_number(v, "message-retries", "max_retries", 0, 100, 1, &first, err));
    SLV_TRY(
        slv_queue_verb_put_number(v, "max-concurrency", "max_concurrency", 1, 250, 1, &first, err));
    SLV_TRY(slv_queue_verb_put_number(v, "retry-delay-secs", "retry_delay", 0, SLV_QUEUE_DELAY_MAX,
                                      1, &first, err));
    SLV_TRY(slv_buf_append_byte(&v->body, '}'));
    if (dead) {
        SLV_TRY(slv_buf_append(&v->body, SLV_STR(",\"dead_letter_queue\":")));
        SLV_TRY(slv_json_put_string(&v->body, slv_str_from(dead)));
    }
    return slv_buf_append_byte(&v->body, '}');
}

static slv_code worker_add(queue_verb *v, slv_err *err)
{
    printf("Adding consumer to queue %s.\n", v->name);
    SLV_TRY(put_worker(v, err));
    SLV_TRY(slv_queue_verb_path(v, "/consumers", err));
    SLV_TRY(slv_queue_verb_send(v, "POST", NULL, err));
    printf("Added consumer to queue %s.\n", v->name);
    return SLV_OK;
}

/* Both names must be there. */
static bool names_worker(const slv_args *args)
{
    slv_err err;

    if (args->positional.len > 1)
        return true;
    slv_fail(&err, SLV_E_INVAL, "the name of the worker is missing");
    slv_cmd_fail(args->cmd, &err);
    return false;
}

static int exec_worker_add(const slv_args *args)
{
    if (!names_worker(args))
        return slv_exit_code(SLV_E_INVAL);
    return slv_queue_verb_run(args, true, worker_add);
}

/* The consumer of the queue that is this worker; NULL: none. */
static const slv_node *find_worker(const queue_verb *v, const char *worker)
{
    const slv_node *list = slv_node_get(v->queue, "consumers");

    for (const slv_node *c = list ? list->first : NULL; c; c = c->next) {
        if (slv_str_is(slv_node_str(slv_node_get(c, "script")), worker))
            return c;
    }
    return NULL;
}

static slv_code worker_remove(queue_verb *v, slv_err *err)
{
    const char *worker = v->args->positional.items[1];
    const slv_node *consumer = find_worker(v, worker);
    SLV_CLEANUP(slv_buf_done) slv_buf rest = SLV_BUF(256);

    printf("Removing consumer from queue %s.\n", v->name);
    if (!consumer)
        return slv_fail(err, SLV_E_NOTFOUND, "No worker consumer '%s' exists for queue %s", worker,
                        v->name);
    SLV_TRY(slv_buf_printf(&rest, "/consumers/%.*s",
                           SLV_STR_ARGS(slv_node_str(slv_node_get(consumer, "consumer_id")))));
    SLV_TRY(slv_queue_verb_path(v, slv_buf_cstr(&rest), err));
    SLV_TRY(slv_queue_verb_send(v, "DELETE", NULL, err));
    printf("Removed consumer from queue %s.\n", v->name);
    return SLV_OK;
}

static int exec_worker_remove(const slv_args *args)
{
    if (!names_worker(args))
        return slv_exit_code(SLV_E_INVAL);
    return slv_queue_verb_run(args, true, worker_remove);
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
    {"batch-size", SLV_FLAG_NUMBER, 0, "N", "messages in a batch at most"},
    {"batch-timeout", SLV_FLAG_NUMBER, 0, "SECONDS", "how long a batch is waited for"},
    {"message-retries", SLV_FLAG_NUMBER, 0, "N", "how often a message is tried again"},
    {"dead-letter-queue", SLV_FLAG_STRING, 0, "NAME", "where messages go after their last try"},
    {"max-concurrency", SLV_FLAG_NUMBER, 0, "N", "batches at once"},
    {"retry-delay-secs", SLV_FLAG_NUMBER, 0, "SECONDS",
     "how long a message waits to be tried again"},
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

#define WORKER "<name> <worker>"

VERB(consumer_list, "list", "list a queue's consumers", list_flags, "<name>", 1, exec_list);
VERB(http_add, "http add", "let messages be pulled by HTTP", add_flags, "<name>", 1, exec_add);
VERB(http_list, "http list", "list a queue's consumers", list_flags, "<name>", 1, exec_list);
VERB(http_remove, "http remove", "pulling by HTTP ends", plain_flags, "<name>", 1, exec_remove);
VERB(consumer_add, "add", "a worker of a server takes a queue's messages", worker_flags, WORKER, 2,
     exec_worker_add);
VERB(consumer_remove, "remove", "a worker of a server takes them no more", plain_flags, WORKER, 2,
     exec_worker_remove);
VERB(worker_add, "worker add", "a worker of a server takes a queue's messages", worker_flags,
     WORKER, 2, exec_worker_add);
VERB(worker_list, "worker list", "list a queue's consumers", list_flags, "<name>", 1, exec_list);
VERB(worker_remove, "worker remove", "a worker of a server takes them no more", plain_flags, WORKER,
     2, exec_worker_remove);
