/* Plans of models, their keys, and the tasks that are one request. */
#include "dynamo/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "dynamo/model_int.h"
#include "fmt/json.h"

#define ID_SEPARATOR SLV_STR("##__SK__##")
#define TASK_MAX ((size_t)256 << 20)
#define KEY_DIGITS 20

/* ---- making JSON ---- */

slv_node *slv_dyn_make(slv_dyn_maker *m, slv_node_type type)
{
    slv_node *n = slv_node_new(m->arena, type, 0, 0);

    if (n)
        return n;
    m->failed = true;
    m->spare = (slv_node){.type = type};
    return &m->spare;
}

slv_node *slv_dyn_make_in(slv_dyn_maker *m, slv_node *parent, slv_str key, slv_node_type type)
{
    slv_node *n = slv_dyn_make(m, type);

    n->key = key;
    if (!m->failed)
        slv_node_append(parent, n);
    return n;
}

slv_node *slv_dyn_make_text(slv_dyn_maker *m, slv_node *parent, slv_str key, slv_str text)
{
    slv_node *n = slv_dyn_make_in(m, parent, key, SLV_NODE_STRING);

    n->text = text;
    return n;
}

void slv_dyn_make_value(slv_dyn_maker *m, slv_node *parent, slv_str key, slv_str text)
{
    slv_node *n = slv_dyn_make_in(m, parent, key, SLV_NODE_OBJECT);

    if (!m->failed)
        slv_dyn_make_text(m, n, SLV_STR("S"), text);
}

static slv_node *copy(slv_dyn_maker *m, const slv_node *value)
{
    slv_node *n = slv_dyn_make(m, value->type);

    n->text = value->text;
    n->boolean = value->boolean;
    n->key = value->key;
    for (const slv_node *child = value->first; child && !m->failed; child = child->next) {
        slv_node *inner = copy(m, child);

        if (!m->failed)
            slv_node_append(n, inner);
    }
    return n;
}

void slv_dyn_make_plain(slv_dyn_maker *m, slv_node *parent, slv_str key, const slv_node *value)
{
    slv_node *n = copy(m, value);

    n->key = key;
    if (!m->failed && slv_dyn_plain_wrap(m->arena, n) != SLV_OK)
        m->failed = true;
    if (!m->failed)
        slv_node_append(parent, n);
}

slv_str slv_dyn_join_parts(slv_dyn_maker *m, const slv_str *parts, size_t count)
{
    size_t len = 0;
    char *text;

    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    text = slv_arena_try_alloc(m->arena, len + 1);
    if (!text) {
        m->failed = true;
        return SLV_STR("");
    }
    len = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0)
            memcpy(text + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
    }
    return slv_str_make(text, len);
}

/* ---- plans ---- */

static bool read_line(slv_dyn_model *model, slv_str line)
{
    slv_str kind, a, b;

    if (!slv_str_split(&line, '\t', &kind) || kind.len != 1 || !slv_str_split(&line, '\t', &a))
        return false;
    switch (kind.ptr[0]) {
    case 'i':
        slv_str_split(&line, '\t', &b);
        slv_vec_push(&model->indexes, ((slv_dyn_model_index){a, b, line}));
        return true;
    case 'u':
        slv_vec_push(&model->uniques, ((slv_dyn_model_unique){a, line}));
        return true;
    case 'f':
        if (a.len != 1)
            return false;
        slv_vec_push(&model->fields, ((slv_dyn_model_field){line, (slv_dyn_kind)a.ptr[0]}));
        return true;
    default:
        return false;
    }
}

static bool read_plan(slv_dyn_model *model, slv_str plan)
{
    slv_str head, line, columns[8] = {0};
    uint64_t buckets;

    slv_str_split(&plan, '\n', &head);
    for (size_t i = 0; i < SLV_ARRAY_LEN(columns); i++)
        slv_str_split(&head, '\t', &columns[i]);
    model->table = columns[0];
    model->tenant = columns[1];
    model->prefix = columns[2];
    model->pk = columns[3];
    model->sk = columns[4];
    model->name = columns[6];
    model->test = columns[7];
    if (slv_parse_u64(columns[5], &buckets) != SLV_OK || buckets > UINT32_MAX)
        return false;
    model->buckets = (uint32_t)buckets;
    while (plan.len > 0)
        if (!slv_str_split(&plan, '\n', &line) || !read_line(model, line))
            return false;
    return true;
}

const slv_dyn_model_field *slv_dyn_model_field_of(const slv_dyn_model *model, slv_str name)
{
    for (size_t i = 0; i < model->fields.len; i++)
        if (slv_str_eq(model->fields.items[i].name, name))
            return &model->fields.items[i];
    return NULL;
}

/* ---- keys ---- */

bool slv_dyn_is_prefix(slv_str name)
{
    return slv_str_is(name, "modelPrefix");
}

slv_str slv_dyn_tenant_key(slv_dyn_maker *m, const slv_dyn_model *model, slv_str key)
{
    return model->tenant.len > 0 ? slv_dyn_join(m, SLV_STR("["), model->tenant, SLV_STR("]#"), key)
                                 : key;
}

/* A number's text with zeros before it. */
static slv_str padded(slv_dyn_maker *m, slv_str digits)
{
    static const slv_str zeros = {"00000000000000000000", KEY_DIGITS};

    return digits.len >= KEY_DIGITS
               ? digits
               : slv_dyn_join(m, slv_str_sub(zeros, 0, KEY_DIGITS - digits.len), digits);
}

/* As toExponential(20) writes it: the exponent has no zeros before it. */
static bool exponential(slv_dyn_maker *m, const slv_node *value, slv_str *ret)
{
    char exact[96], text[64], tail[16];
    double x;

    if (!slv_node_f64(value, &x) || !isfinite(x))
        return false;
    snprintf(exact, sizeof exact, "%.60e", fabs(x));
    const char *rest = exact + 2 + KEY_DIGITS;
    if (rest[0] == '5' && strspn(rest + 1, "0") >= 39)
        return false; /* a tie: printf and JavaScript round it differently */
    snprintf(text, sizeof text, "%.20e", x);
    char *e = strchr(text, 'e');
    snprintf(tail, sizeof tail, "e%+ld", strtol(e + 1, NULL, 10));
    *ret = slv_dyn_join(m, slv_str_make(text, (size_t)(e - text)), slv_str_from(tail));
    return true;
}

static bool date_part(slv_dyn_maker *m, const slv_node *value, slv_str *ret)
{
    if (value->type != SLV_NODE_NUMBER)
        return false;
    *ret = slv_str_is(value->text, "0") ? value->text : padded(m, value->text);
    return true;
}

bool slv_dyn_key_part(slv_dyn_maker *m, const slv_dyn_model *model, slv_str name,
                      const slv_node *value, slv_str *ret)
{
    const slv_dyn_model_field *field;

    if (slv_dyn_is_prefix(name)) {
        *ret = model->prefix;
        return true;
    }
    field = slv_dyn_model_field_of(model, name);
    if (!field)
        return false;
    switch (field->kind) {
    case SLV_DYN_KIND_TEXT:
        *ret = value->text;
        return value->type == SLV_NODE_STRING || value->type == SLV_NODE_NUMBER;
    case SLV_DYN_KIND_ID:
        *ret = value->text;
        return value->type == SLV_NODE_STRING;
    case SLV_DYN_KIND_DATE:
        return date_part(m, value, ret);
    case SLV_DYN_KIND_INTEGER:
    case SLV_DYN_KIND_COUNTER:
        *ret = padded(m, value->text);
        return value->type == SLV_NODE_NUMBER;
    case SLV_DYN_KIND_FLOAT:
        return exponential(m, value, ret);
    case SLV_DYN_KIND_BOOL:
        *ret = value->boolean ? SLV_STR("1") : SLV_STR("0");
        return value->type == SLV_NODE_BOOL;
    case SLV_DYN_KIND_SET:
    case SLV_DYN_KIND_OTHER:
        break;
    }
    return false;
}

bool slv_dyn_make_key(slv_dyn_maker *m, const slv_dyn_model *model, slv_node *parent, slv_str id)
{
    bool prefix_pk = slv_dyn_is_prefix(model->pk), prefix_sk = slv_dyn_is_prefix(model->sk);
    size_t at = slv_str_find(id, ID_SEPARATOR, 0);
    slv_str pk = prefix_pk ? model->prefix : id;
    slv_str sk = prefix_pk ? id : prefix_sk ? model->prefix : SLV_STR_NULL;

    if (at != SIZE_MAX) {
        pk = slv_str_sub(id, 0, at);
        sk = slv_str_skip(id, at + ID_SEPARATOR.len);
        at = slv_str_find(sk, ID_SEPARATOR, 0);
        sk = slv_str_sub(sk, 0, at < sk.len ? at : sk.len);
    }
    if (prefix_sk)
        sk = model->prefix;
    if (sk.len == 0)
        return false;
    pk = prefix_pk && !prefix_sk
             ? model->prefix
             : slv_dyn_tenant_key(m, model, slv_dyn_join(m, model->prefix, SLV_STR("#"), pk));
    slv_dyn_make_value(m, parent, SLV_STR("_pk"), pk);
    slv_dyn_make_value(m, parent, SLV_STR("_sk"), sk);
    return true;
}

/* ---- tasks of one request ---- */

static slv_code make_find(void *arg, slv_arena *arena, slv_node **ret)
{
    slv_dynamo_task *task = arg;
    slv_dyn_maker m = {.arena = arena};
    slv_node *root = *ret = slv_dyn_make(&m, SLV_NODE_OBJECT);

    slv_dyn_make_text(&m, root, SLV_STR("TableName"), task->model.table);
    if (!slv_dyn_make_key(&m, &task->model,
                          slv_dyn_make_in(&m, root, SLV_STR("Key"), SLV_NODE_OBJECT), task->text))
        return SLV_E_INVAL;
    slv_dyn_make_text(&m, root, SLV_STR("ReturnConsumedCapacity"), SLV_STR("TOTAL"));
    return slv_dyn_made(&m);
}

static slv_code make_batch(void *arg, slv_arena *arena, slv_node **ret)
{
    slv_dynamo_task *task = arg;
    slv_dyn_maker m = {.arena = arena};
    slv_node *root = *ret = slv_dyn_make(&m, SLV_NODE_OBJECT);
    slv_node *table =
        slv_dyn_make_in(&m, slv_dyn_make_in(&m, root, SLV_STR("RequestItems"), SLV_NODE_OBJECT),
                        task->model.table, SLV_NODE_OBJECT);
    slv_node *keys = slv_dyn_make_in(&m, table, SLV_STR("Keys"), SLV_NODE_ARRAY);

    if (!slv_node_is(task->json, SLV_NODE_ARRAY))
        return SLV_E_INVAL;
    for (const slv_node *id = task->json->first; id; id = id->next) {
        slv_node *key = slv_dyn_make_in(&m, keys, SLV_STR(""), SLV_NODE_OBJECT);

        if (id->type != SLV_NODE_STRING || !slv_dyn_make_key(&m, &task->model, key, id->text))
            return SLV_E_INVAL;
    }
    slv_dyn_make_text(&m, root, SLV_STR("ReturnConsumedCapacity"), SLV_STR("TOTAL"));
    return slv_dyn_made(&m);
}

static slv_code wrap_named(slv_arena *arena, const slv_node *object)
{
    static const char *const names[] = {"Key", "Item", "ExpressionAttributeValues",
                                        "ExclusiveStartKey"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(names); i++) {
        slv_node *n = slv_node_get(object, names[i]);

        if (n)
            SLV_TRY(slv_dyn_plain_wrap_members(arena, n));
    }
    return SLV_OK;
}

static slv_code wrap_request(slv_dynamo_task *task, slv_arena *arena)
{
    const slv_node *tables = slv_node_get(task->json, "RequestItems");
    const slv_node *items = slv_node_get(task->json, "TransactItems");

    for (const slv_node *t = tables ? tables->first : NULL; t; t = t->next) {
        const slv_node *keys = slv_node_get(t, "Keys");

        for (slv_node *key = keys ? keys->first : NULL; key; key = key->next)
            SLV_TRY(slv_dyn_plain_wrap_members(arena, key));
    }
    for (const slv_node *item = items ? items->first : NULL; item; item = item->next)
        for (const slv_node *action = item->first; action; action = action->next)
            SLV_TRY(wrap_named(arena, action));
    return wrap_named(arena, task->json);
}

static slv_code make_call(void *arg, slv_arena *arena, slv_node **ret)
{
    slv_dynamo_task *task = arg;

    *ret = task->json;
    return wrap_request(task, arena);
}

slv_dynamo_request *slv_dyn_task_end(slv_dynamo_task *task, int status, slv_str body)
{
    task->over = true;
    task->status = status;
    task->body = body;
    return NULL;
}

slv_dynamo_request *slv_dyn_task_ask(slv_dynamo_task *task, slv_dyn_operation op,
                                     slv_dyn_make_fn make)
{
    const slv_dynamo_origin origin = {.region = task->region, .now_ms = task->now_ms};
    slv_dynamo_request *r = slv_dyn_request_plain(op, make, task, &origin);

    return r ? r : slv_dyn_task_end(task, SLV_DYNAMO_TASK_NOT_MINE, SLV_STR(""));
}

/* ---- tasks ---- */

static slv_code begin(slv_dynamo_task *task, slv_str plan, slv_str text, slv_str region)
{
    slv_str copy_of_plan;

    SLV_TRY(slv_arena_dup(&task->arena, plan, &copy_of_plan));
    SLV_TRY(slv_arena_dup(&task->arena, text, &task->text));
    SLV_TRY(slv_arena_dup(&task->arena, region, &task->region));
    if (task->verb == SLV_DYNAMO_TASK_CALL ? !slv_dyn_operation_find(copy_of_plan, &task->op)
                                           : !read_plan(&task->model, copy_of_plan))
        return SLV_E_INVAL;
    if (task->verb == SLV_DYNAMO_TASK_FIND)
        return SLV_OK;
    return slv_json_parse(task->text, SLV_JSON_STRICT, &task->arena, &task->json, NULL);
}

slv_dynamo_task *slv_dynamo_task_new(uint8_t verb, slv_str plan, slv_str text,
                                     const slv_dynamo_origin *origin)
{
    slv_dynamo_task *task = slv_new0(slv_dynamo_task);

    task->arena = SLV_ARENA(TASK_MAX);
    task->kept = SLV_BUF(SLV_DYNAMO_BODY_MAX);
    task->verb = (slv_dynamo_verb)verb;
    task->now_ms = origin->now_ms;
    if (verb > SLV_DYNAMO_TASK_SAVE || begin(task, plan, text, origin->region) != SLV_OK)
        slv_dyn_task_end(task, SLV_DYNAMO_TASK_NOT_MINE, SLV_STR(""));
    return task;
}

slv_dynamo_task *slv_dynamo_task_free(slv_dynamo_task *task)
{
    if (task) {
        slv_vec_done(&task->model.fields);
        slv_vec_done(&task->model.indexes);
        slv_vec_done(&task->model.uniques);
        slv_buf_done(&task->kept);
        slv_arena_done(&task->arena);
        free(task);
    }
    return NULL;
}

slv_dynamo_request *slv_dynamo_task_step(slv_dynamo_task *task, const slv_dynamo_request *answered)
{
    if (task->over)
        return NULL;
    if (task->verb == SLV_DYNAMO_TASK_SAVE)
        return slv_dyn_save_step(task, answered);
    if (answered)
        return NULL;
    switch (task->verb) {
    case SLV_DYNAMO_TASK_FIND:
        return slv_dyn_task_ask(task, SLV_DYN_GET_ITEM, make_find);
    case SLV_DYNAMO_TASK_BATCH:
        return slv_dyn_task_ask(task, SLV_DYN_BATCH_GET_ITEM, make_batch);
    case SLV_DYNAMO_TASK_QUERY:
        return slv_dyn_task_ask(task, SLV_DYN_QUERY, slv_dyn_make_query);
    case SLV_DYNAMO_TASK_CALL:
    case SLV_DYNAMO_TASK_SAVE:
        break;
    }
    return slv_dyn_task_ask(task, task->op, make_call);
}

void slv_dynamo_task_answer(const slv_dynamo_task *task, const slv_dynamo_request *last,
                            int *ret_status, slv_str *ret_body)
{
    if (task->over || !last) {
        *ret_status = task->status;
        *ret_body = task->body;
        return;
    }
    slv_dynamo_request_answer(last, ret_status, ret_body);
    if (*ret_status == 200 && last->plain.marked)
        *ret_status = SLV_DYNAMO_TASK_MARKED;
}
