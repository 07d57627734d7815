/* selvage queues create|list|info|update|delete|purge|pause-delivery|resume-delivery */
#include <stdio.h>
#include <unistd.h>

#include "cli/queues_int.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "fmt/json.h"
#include "queue/queue.h"

#define BODY_MAX ((size_t)64 << 10)

/* ---- a run ---- */

slv_code slv_queue_verb_path(queue_verb *v, const char *rest, slv_err *err)
{
    slv_str id = slv_node_str(slv_node_get(v->queue, "queue_id"));

    slv_buf_reset(&v->path);
    if (slv_buf_printf(&v->path, "/queues/%.*s%s", SLV_STR_ARGS(id), rest) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT, "the name is too long");
    return SLV_OK;
}

slv_code slv_queue_verb_send(queue_verb *v, const char *method, slv_node **ret, slv_err *err)
{
    slv_node *ignored;

    return slv_rest_json(v->rest, method, slv_buf_view(&v->path), slv_buf_view(&v->body),
                         ret ? ret : &ignored, err);
}

slv_code slv_queue_verb_put_number(queue_verb *v, const char *flag, const char *name, uint64_t min,
                                   uint64_t max, uint64_t factor, bool *first, slv_err *err)
{
    uint64_t value;

    if (!slv_args_has(v->args, flag))
        return SLV_OK;
    SLV_TRY(slv_args_number(v->args, flag, min, max, 0, &value, err));
    SLV_TRY(slv_buf_printf(&v->body, "%s\"%s\":%llu", *first ? "" : ",", name,
                           (unsigned long long)(value * factor)));
    *first = false;
    return SLV_OK;
}

static slv_code look_up(queue_verb *v, slv_err *err)
{
    slv_node *list = NULL;

    slv_buf_reset(&v->path);
    SLV_TRY(slv_buf_append(&v->path, SLV_STR("/queues?page=1&name=")));
    SLV_TRY(slv_rest_put_escaped(&v->path, slv_str_from(v->name)));
    SLV_TRY(slv_rest_json(v->rest, "GET", slv_buf_view(&v->path), SLV_STR(""), &list, err));
    v->queue = list->first;
    if (!v->queue)
        return slv_fail(err, SLV_E_NOTFOUND,
                        "Queue \"%s\" does not exist. To create it, run: selvage queues create %s",
                        v->name, v->name);
    return SLV_OK;
}

static slv_code run(queue_verb *v, bool lookup, slv_code (*work)(queue_verb *v, slv_err *err),
                    slv_err *err)
{
    if (v->args->cmd->args[0] == '<')
        SLV_TRY(slv_args_required(v->args, 0, "the queue's name", &v->name, err));
    SLV_TRY(slv_rest_open(v->args, &v->rest, err));
    if (lookup)
        SLV_TRY(look_up(v, err));
    return work(v, err);
}

int slv_queue_verb_run(const slv_args *args, bool lookup,
                       slv_code (*work)(queue_verb *v, slv_err *err))
{
    queue_verb v = {.args = args, .path = SLV_BUF(BODY_MAX), .body = SLV_BUF(BODY_MAX)};
    slv_err err = {0};
    slv_code code = run(&v, lookup, work, &err);

    (void)slv_rest_free(v.rest);
    slv_buf_done(&v.path);
    slv_buf_done(&v.body);
    if (code == SLV_OK)
        return 0;
    err.code = code;
    return slv_cmd_fail(args->cmd, &err);
}

/* ---- create, update ---- */

static slv_code put_settings(queue_verb *v, slv_err *err)
{
    bool first = true;

    SLV_TRY(slv_buf_append(&v->body, SLV_STR("{\"queue_name\":")));
    SLV_TRY(slv_json_put_string(&v->body, slv_str_from(v->name)));
    SLV_TRY(slv_buf_append(&v->body, SLV_STR(",\"settings\":{")));
    SLV_TRY(slv_queue_verb_put_number(v, "delivery-delay-secs", "delivery_delay", 0,
                                      SLV_QUEUE_DELAY_MAX, 1, &first, err));
    SLV_TRY(slv_queue_verb_put_number(v, "message-retention-period-secs",
                                      "message_retention_period", SLV_QUEUE_RETENTION_MIN,
                                      SLV_QUEUE_RETENTION_MAX, 1, &first, err));
    return slv_buf_append(&v->body, SLV_STR("}}"));
}

/* A name for the binding: "my-queue" is MY_QUEUE. */
static void binding_name(const char *queue, char *out, size_t size)
{
    size_t n = 0;

    for (; *queue && n + 1 < size; queue++)
        out[n++] = slv_is_digit(*queue) || *queue == '-'
                       ? (*queue == '-' ? '_' : *queue)
                       : (char)(*queue >= 'a' && *queue <= 'z' ? *queue - 32 : *queue);
    out[n] = '\0';
}

static slv_code create(queue_verb *v, slv_err *err)
{
    char binding[SLV_QUEUE_NAME_MAX + 1];

    printf("Creating queue '%s'\n", v->name);
    SLV_TRY(put_settings(v, err));
    SLV_TRY(slv_buf_set(&v->path, SLV_STR("/queues")));
    SLV_TRY(slv_queue_verb_send(v, "POST", NULL, err));
    binding_name(v->name, binding, sizeof binding);
    printf("Created queue '%s'\n\n"
           "Configure your Worker to send messages to this queue:\n\n"
           "[[queues.producers]]\nqueue = \"%s\"\nbinding = \"%s\"\n\n"
           "Configure your Worker to consume messages from this queue:\n\n"
           "[[queues.consumers]]\nqueue = \"%s\"\n",
           v->name, v->name, binding, v->name);
    return SLV_OK;
}

static int exec_create(const slv_args *args)
{
    return slv_queue_verb_run(args, false, create);
}

static slv_code update(queue_verb *v, slv_err *err)
{
    printf("Updating queue %s.\n", v->name);
    SLV_TRY(put_settings(v, err));
    SLV_TRY(slv_queue_verb_path(v, "", err));
    SLV_TRY(slv_queue_verb_send(v, "PATCH", NULL, err));
    printf("Updated queue %s.\n", v->name);
    return SLV_OK;
}

static int exec_update(const slv_args *args)
{
    return slv_queue_verb_run(args, true, update);
}

/* ---- list, info ---- */

static slv_code list(queue_verb *v, slv_err *err)
{
    static const char *const columns[] = {"id",          "name",      "created_on",
                                          "modified_on", "producers", "consumers"};
    SLV_CLEANUP(slv_table_free) slv_table *t = slv_table_new(columns, SLV_ARRAY_LEN(columns));
    slv_node *queues = NULL;
    uint64_t page;

    SLV_TRY(slv_args_number(v->args, "page", 1, 1000000, 1, &page, err));
    SLV_TRY(slv_buf_printf(&v->path, "/queues?page=%llu", (unsigned long long)page));
    SLV_TRY(slv_queue_verb_send(v, "GET", &queues, err));
    if (slv_args_bool(v->args, "json", false)) {
        slv_rest_print_json(stdout, queues);
        return SLV_OK;
    }
    for (const slv_node *q = queues->first; q; q = q->next) {
        const slv_node *producers = slv_node_get(q, "producers_total_count"),
                       *consumers = slv_node_get(q, "consumers_total_count");
        const slv_str cells[] = {
            slv_node_str(slv_node_get(q, "queue_id")),
            slv_node_str(slv_node_get(q, "queue_name")),
            slv_node_str(slv_node_get(q, "created_on")),
            slv_node_str(slv_node_get(q, "modified_on")),
            producers ? producers->text : SLV_STR("0"),
            consumers ? consumers->text : SLV_STR("0"),
        };

        slv_table_row(t, cells);
    }
    slv_table_print(t, stdout);
    return SLV_OK;
}

static int exec_list(const slv_args *args)
{
    return slv_queue_verb_run(args, false, list);
}

static void print_member(const char *label, const slv_node *object, const char *key)
{
    const slv_node *n = slv_node_get(object, key);

    printf("%s: %.*s\n", label, SLV_STR_ARGS(n ? n->text : SLV_STR("")));
}

/* What the configuration of this project says of the queue. */
static void print_local(const queue_verb *v)
{
    const slv_config *c = slv_rest_config(v->rest);

    for (size_t i = 0; c && i < c->bindings.len; i++) {
        const slv_binding *b = &c->bindings.items[i];

        if (b->type == SLV_BINDING_QUEUE && slv_str_is(b->id, v->name))
            printf("Producers: worker:%.*s (env.%.*s)\n", SLV_STR_ARGS(c->name),
                   SLV_STR_ARGS(b->name));
    }
    for (size_t i = 0; c && i < c->consumers.len; i++)
        if (slv_str_is(c->consumers.items[i].queue, v->name))
            printf("Consumers: %s:%.*s\n", c->consumers.items[i].pull ? "http_pull" : "worker",
                   SLV_STR_ARGS(c->name));
}

static slv_code info(queue_verb *v, slv_err *err)
{
    const slv_node *consumers = slv_node_get(v->queue, "consumers");
    slv_node *metrics = NULL;

    SLV_TRY(slv_queue_verb_path(v, "/metrics", err));
    SLV_TRY(slv_queue_verb_send(v, "GET", &metrics, err));
    if (slv_args_bool(v->args, "json", false)) {
        slv_rest_print_json(stdout, v->queue);
        return SLV_OK;
    }
    print_member("Queue Name", v->queue, "queue_name");
    print_member("Queue ID", v->queue, "queue_id");
    print_member("Created On", v->queue, "created_on");
    print_member("Last Modified", v->queue, "modified_on");
    print_member("Messages", metrics, "backlog_count");
    print_member("Bytes", metrics, "backlog_bytes");
    print_local(v);
    for (const slv_node *c = consumers ? consumers->first : NULL; c; c = c->next)
        print_member("Consumers", c, "type");
    return SLV_OK;
}

static int exec_info(const slv_args *args)
{
    return slv_queue_verb_run(args, true, info);
}

/* ---- delete, purge, pause, resume ---- */

static slv_code delete_queue(queue_verb *v, slv_err *err)
{
    printf("Deleting queue %s.\n", v->name);
    SLV_TRY(slv_queue_verb_path(v, "", err));
    SLV_TRY(slv_queue_verb_send(v, "DELETE", NULL, err));
    printf("Deleted queue %s.\n", v->name);
    return SLV_OK;
}

static int exec_delete(const slv_args *args)
{
    return slv_queue_verb_run(args, true, delete_queue);
}

static slv_code confirm(const queue_verb *v, slv_err *err)
{
    char line[256] = "";

    if (slv_args_bool(v->args, "force", false))
        return SLV_OK;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return slv_fail(err, SLV_E_INVAL,
                        "The --force flag is required to purge a Queue in non-interactive mode");
    printf("This operation will permanently delete all the messages in Queue %s. Type %s to "
           "proceed. ",
           v->name, v->name);
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin) || !slv_str_is(slv_str_trim(slv_str_from(line)), v->name))
        return slv_fail(err, SLV_E_CANCELED,
                        "Incorrect queue name provided. Skipping purge operation");
    return SLV_OK;
}

static slv_code purge(queue_verb *v, slv_err *err)
{
    SLV_TRY(confirm(v, err));
    SLV_TRY(slv_queue_verb_path(v, "/purge", err));
    SLV_TRY(slv_buf_set(&v->body, SLV_STR("{\"delete_messages_permanently\":true}")));
    SLV_TRY(slv_queue_verb_send(v, "POST", NULL, err));
    printf("Purged Queue '%s'\n", v->name);
    return SLV_OK;
}

static int exec_purge(const slv_args *args)
{
    return slv_queue_verb_run(args, true, purge);
}

static slv_code set_paused(queue_verb *v, bool paused, slv_err *err)
{
    printf("%s message delivery for queue %s.\n", paused ? "Pausing" : "Resuming", v->name);
    SLV_TRY(slv_queue_verb_path(v, "", err));
    SLV_TRY(slv_buf_printf(&v->body, "{\"settings\":{\"delivery_paused\":%s}}",
                           paused ? "true" : "false"));
    SLV_TRY(slv_queue_verb_send(v, "PATCH", NULL, err));
    printf("%s message delivery for queue %s.\n", paused ? "Paused" : "Resumed", v->name);
    return SLV_OK;
}

static slv_code pause_delivery(queue_verb *v, slv_err *err)
{
    return set_paused(v, true, err);
}

static int exec_pause(const slv_args *args)
{
    return slv_queue_verb_run(args, true, pause_delivery);
}

static slv_code resume_delivery(queue_verb *v, slv_err *err)
{
    return set_paused(v, false, err);
}

static int exec_resume(const slv_args *args)
{
    return slv_queue_verb_run(args, true, resume_delivery);
}

/* ---- the verbs ---- */

static const slv_flag settings_flags[] = {
    {"delivery-delay-secs", SLV_FLAG_NUMBER, 0, "SECONDS",
     "how long messages wait before they are delivered (0 to 86400)"},
    {"message-retention-period-secs", SLV_FLAG_NUMBER, 0, "SECONDS",
     "how long messages are kept (60 to 1209600)"},
    SLV_REST_FLAGS,
};
static const slv_flag list_flags[] = {
    {"page", SLV_FLAG_NUMBER, 0, "N", "page of the list"},
    {"json", SLV_FLAG_BOOL, 0, NULL, "print JSON"},
    SLV_REST_FLAGS,
};
static const slv_flag info_flags[] = {
    {"json", SLV_FLAG_BOOL, 0, NULL, "print JSON"},
    SLV_REST_FLAGS,
};
static const slv_flag purge_flags[] = {
    {"force", SLV_FLAG_BOOL, 0, NULL, "do not ask"},
    SLV_REST_FLAGS,
};
static const slv_flag plain_flags[] = {
    SLV_REST_FLAGS,
};

#define VERB(id, words, what, flags_of, arguments, count, run)                                     \
    const slv_cmd slv_cmd_queues_##id##_verb = {                                                   \
        .name = "queues " words,                                                                   \
        .args = arguments,                                                                         \
        .usage = what,                                                                             \
        .flags = flags_of,                                                                         \
        .flag_count = SLV_ARRAY_LEN(flags_of),                                                     \
        .max_positional = count,                                                                   \
        .exec = run,                                                                               \
    }

VERB(create, "create", "make a queue", settings_flags, "<name>", 1, exec_create);
VERB(update, "update", "change a queue's settings", settings_flags, "<name>", 1, exec_update);
VERB(list, "list", "list queues", list_flags, "", 0, exec_list);
VERB(info, "info", "what is known of a queue", info_flags, "<name>", 1, exec_info);
VERB(delete, "delete", "delete a queue and its messages", plain_flags, "<name>", 1, exec_delete);
VERB(purge, "purge", "delete a queue's messages", purge_flags, "<name>", 1, exec_purge);
VERB(pause, "pause-delivery", "keep messages from workers for a while", plain_flags, "<name>", 1,
     exec_pause);
VERB(resume, "resume-delivery", "give messages to workers again", plain_flags, "<name>", 1,
     exec_resume);
