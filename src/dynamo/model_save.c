/*
 * Saving an item of a model. The text is
 *
 *     {"id":"u1","new":true,"values":{...},"fill":{...},"before":{...},"condition":{...}}
 *
 * values are what fields store, null for what is removed. id is absent with a new item: it is made
 * of its values. Of one that changes: fill has the values that keys of indexes need besides, before
 * the stored ones of sets and of unique fields.
 *
 * Requests, as the package makes them: a GetItem for each unique value; the UpdateItem, or, where
 * entries of unique values change with it, a TransactWriteItems and a GetItem of what that wrote:
 * the answer is then {"written":...,"read":...}.
 */
#include "dynamo/model_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "fmt/json.h"

#define UNIQUE_KEY SLV_STR("_raft_uc")
#define ID_SEPARATOR SLV_STR("##__SK__##")
#define COUNTER_DIGITS 15 /* which a double holds */

typedef enum clause { SET, ADD, REMOVE, DELETE, CLAUSES } clause;

/* One part of the update expression. */
typedef struct part {
    clause clause;
    slv_str name;
    slv_node *value; /* as the API has it; not of REMOVE */
} part;

typedef struct update {
    slv_dynamo_task *task;
    slv_dyn_maker *m;
    SLV_VEC(part) parts;
} update;

static const slv_node *given(const slv_dynamo_task *task, const char *group, slv_str name)
{
    return slv_node_find(slv_node_get(task->json, group), name);
}

static bool is_new(const slv_dynamo_task *task)
{
    const slv_node *n = slv_node_get(task->json, "new");

    return slv_node_is(n, SLV_NODE_BOOL) && n->boolean;
}

/* ---- the id ---- */

static bool id_part(slv_dynamo_task *task, slv_dyn_maker *m, slv_str name, slv_str *ret)
{
    const slv_node *value = given(task, "values", name);

    *ret = task->model.prefix;
    if (slv_dyn_is_prefix(name))
        return true;
    return value && slv_dyn_key_part(m, &task->model, name, value, ret);
}

static bool make_id(slv_dynamo_task *task)
{
    slv_dyn_maker m = {.arena = &task->arena};
    const slv_dyn_model *model = &task->model;
    slv_str pk, sk;

    if (!is_new(task)) {
        task->id = slv_node_str(slv_node_get(task->json, "id"));
        return task->id.len > 0;
    }
    if (!id_part(task, &m, model->pk, &pk) || !id_part(task, &m, model->sk, &sk))
        return false;
    if (slv_dyn_is_prefix(model->pk))
        task->id = sk;
    else
        task->id = slv_dyn_is_prefix(model->sk) ? pk : slv_dyn_join(&m, pk, ID_SEPARATOR, sk);
    return !m.failed && task->id.len > 0;
}

/* ---- unique values ---- */

static slv_str unique_key(slv_dyn_maker *m, const slv_dyn_model *model,
                          const slv_dyn_model_unique *u, slv_str value)
{
    return slv_dyn_tenant_key(m, model,
                              slv_dyn_join(m, UNIQUE_KEY, SLV_STR("#"), u->id, SLV_STR("#"),
                                           model->prefix, SLV_STR("#"), u->field, SLV_STR(":"),
                                           value));
}

static slv_code make_check(void *arg, slv_arena *arena, slv_node **ret)
{
    slv_dynamo_task *task = arg;
    const slv_dyn_model_unique *u = &task->model.uniques.items[task->unique];
    slv_dyn_maker m = {.arena = arena};
    slv_node *root = *ret = slv_dyn_make(&m, SLV_NODE_OBJECT);
    slv_node *key;

    slv_dyn_make_text(&m, root, SLV_STR("TableName"), task->model.table);
    key = slv_dyn_make_in(&m, root, SLV_STR("Key"), SLV_NODE_OBJECT);
    slv_dyn_make_value(&m, key, SLV_STR("_pk"),
                       unique_key(&m, &task->model, u, given(task, "values", u->field)->text));
    slv_dyn_make_value(&m, key, SLV_STR("_sk"), UNIQUE_KEY);
    return slv_dyn_made(&m);
}

/* Whether the value that was asked for is another item's. */
static bool taken(slv_dynamo_task *task, slv_str body, bool *ret)
{
    slv_node *json;

    if (slv_json_parse(body, SLV_JSON_STRICT, &task->arena, &json, NULL) != SLV_OK)
        return false;
    const slv_node *item = slv_node_get(json, "Item");
    *ret = item &&
           (is_new(task) || !slv_str_eq(slv_node_str(slv_node_get(item, "relatedId")), task->id));
    return true;
}

/* {"ACTION":{...}} with the condition that the entry is this item's, or (own) that there is none.
 */
static slv_node *make_entry(slv_dyn_maker *m, slv_dynamo_task *task, slv_node *items,
                            const char *action, slv_str condition)
{
    slv_node *entry = slv_dyn_make_in(m, slv_dyn_make_in(m, items, SLV_STR(""), SLV_NODE_OBJECT),
                                      slv_str_from(action), SLV_NODE_OBJECT);
    slv_node *values;

    slv_dyn_make_text(m, entry, SLV_STR("TableName"), task->model.table);
    slv_dyn_make_text(m, entry, SLV_STR("ConditionExpression"), condition);
    values = slv_dyn_make_in(m, entry, SLV_STR("ExpressionAttributeValues"), SLV_NODE_OBJECT);
    slv_dyn_make_value(m, values, SLV_STR(":relatedId"), task->id);
    slv_dyn_make_value(m, values, SLV_STR(":modelName"), task->model.name);
    return entry;
}

static void make_put(slv_dyn_maker *m, slv_dynamo_task *task, slv_node *items, slv_str key)
{
    const slv_dyn_model *model = &task->model;
    slv_node *entry = make_entry(
        m, task, items, "Put",
        SLV_STR("attribute_not_exists(#pk) OR (relatedId = :relatedId AND relatedModel = "
                ":modelName)"));
    slv_node *item = slv_dyn_make_in(m, entry, SLV_STR("Item"), SLV_NODE_OBJECT);

    slv_dyn_make_text(
        m, slv_dyn_make_in(m, entry, SLV_STR("ExpressionAttributeNames"), SLV_NODE_OBJECT),
        SLV_STR("#pk"), SLV_STR("_pk"));
    slv_dyn_make_value(m, item, SLV_STR("_pk"), key);
    slv_dyn_make_value(m, item, SLV_STR("_sk"), UNIQUE_KEY);
    slv_dyn_make_value(m, item, SLV_STR("uniqueValue"), key);
    slv_dyn_make_value(m, item, SLV_STR("relatedId"), task->id);
    slv_dyn_make_value(m, item, SLV_STR("relatedModel"), model->name);
    if (model->test.len > 0)
        slv_dyn_make_value(m, item, SLV_STR("_gsi_test_id"), model->test);
}

static void make_delete(slv_dyn_maker *m, slv_dynamo_task *task, slv_node *items, slv_str key)
{
    slv_node *entry = make_entry(m, task, items, "Delete",
                                 SLV_STR("relatedId = :relatedId AND relatedModel = :modelName"));
    slv_node *at = slv_dyn_make_in(m, entry, SLV_STR("Key"), SLV_NODE_OBJECT);

    slv_dyn_make_value(m, at, SLV_STR("_pk"), key);
    slv_dyn_make_value(m, at, SLV_STR("_sk"), UNIQUE_KEY);
}

/* A unique value that changes; texts are NULL where there is none. */
typedef struct change {
    slv_str before, now;
} change;

/* False: the value stays. */
static bool change_of(const slv_dynamo_task *task, const slv_dyn_model_unique *u, change *ret)
{
    const slv_node *now = given(task, "values", u->field);

    *ret =
        (change){.before = slv_node_str(given(task, "before", u->field)), .now = slv_node_str(now)};
    return now && (!ret->now.ptr || !ret->before.ptr || !slv_str_eq(ret->now, ret->before)) &&
           (ret->now.ptr || ret->before.ptr);
}

static bool changes_any(const slv_dynamo_task *task)
{
    change c;

    for (size_t i = 0; i < task->model.uniques.len; i++)
        if (change_of(task, &task->model.uniques.items[i], &c))
            return true;
    return false;
}

/* What the transaction has beside the item. */
static void make_entries(slv_dyn_maker *m, slv_dynamo_task *task, slv_node *items)
{
    const slv_dyn_model *model = &task->model;

    for (size_t i = 0; i < model->uniques.len; i++) {
        const slv_dyn_model_unique *u = &model->uniques.items[i];
        change c;

        if (!change_of(task, u, &c))
            continue;
        if (c.before.ptr)
            make_delete(m, task, items, unique_key(m, model, u, c.before));
        if (c.now.ptr)
            make_put(m, task, items, unique_key(m, model, u, c.now));
    }
}

/* ---- the update expression ---- */

static void add_part(update *u, clause c, slv_str name, const slv_node *value)
{
    slv_node *holder = slv_dyn_make(u->m, SLV_NODE_OBJECT);

    if (value && !u->m->failed)
        slv_dyn_make_plain(u->m, holder, name, value);
    slv_vec_push(&u->parts, ((part){c, name, holder->first}));
}

static void add_text(update *u, slv_str name, slv_str text)
{
    slv_node value = {.type = SLV_NODE_STRING, .text = text};

    add_part(u, SET, name, &value);
}

static bool has(const slv_node *list, slv_str text)
{
    for (const slv_node *n = list->first; n; n = n->next)
        if (slv_str_eq(n->text, text))
            return true;
    return false;
}

/* The members of one that the other lacks. */
static slv_node *lacking(slv_dyn_maker *m, const slv_node *list, const slv_node *other)
{
    slv_node *made = slv_dyn_make(m, SLV_NODE_ARRAY);

    for (const slv_node *n = list->first; n; n = n->next)
        if (!has(other, n->text))
            slv_dyn_make_text(m, made, SLV_STR(""), n->text);
    return made;
}

/* What differs from the members of before is added or deleted; when both are, the set is written
 * whole. */
static bool add_set(update *u, const slv_node *value)
{
    const slv_node *before = is_new(u->task) ? NULL : given(u->task, "before", value->key);

    if (value->type != SLV_NODE_ARRAY)
        return false;
    if (!slv_node_is(before, SLV_NODE_ARRAY) || before->count == 0) {
        add_part(u, SET, value->key, value);
        return true;
    }
    const slv_node *added = lacking(u->m, value, before), *gone = lacking(u->m, before, value);
    if (added->count > 0 && gone->count > 0)
        add_part(u, SET, value->key, value);
    else if (added->count > 0)
        add_part(u, ADD, value->key, added);
    else if (gone->count > 0)
        add_part(u, DELETE, value->key, gone);
    return true;
}

/* "+1" and "-1" are added by the table, whatever stands there. */
static bool add_counter(update *u, const slv_node *value)
{
    slv_str text = value->text;
    char digits[24];
    slv_str kept;

    if (value->type == SLV_NODE_NUMBER) {
        add_part(u, SET, value->key, value);
        return true;
    }
    if (value->type != SLV_NODE_STRING || text.len < 2 || text.len > COUNTER_DIGITS ||
        (text.ptr[0] != '+' && text.ptr[0] != '-'))
        return false;
    for (size_t i = 1; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    memcpy(digits, text.ptr, text.len);
    digits[text.len] = '\0';
    snprintf(digits, sizeof digits, "%lld", strtoll(digits, NULL, 10));
    if (slv_arena_dup(u->m->arena, slv_str_from(digits), &kept) != SLV_OK) {
        u->m->failed = true;
        return true;
    }
    slv_node number = {.type = SLV_NODE_NUMBER, .text = kept};
    add_part(u, ADD, value->key, &number);
    return true;
}

static bool add_value(update *u, const slv_node *value)
{
    const slv_dyn_model_field *field = slv_dyn_model_field_of(&u->task->model, value->key);

    if (!field)
        return false;
    if (value->type == SLV_NODE_NULL)
        add_part(u, REMOVE, value->key, NULL);
    else if (field->kind == SLV_DYN_KIND_SET)
        return add_set(u, value);
    else if (field->kind == SLV_DYN_KIND_COUNTER)
        return add_counter(u, value);
    else
        add_part(u, SET, value->key, value);
    return true;
}

/* Of an index; *ret_is false: the value is not known. */
static bool index_part(update *u, slv_str name, slv_str *ret, bool *ret_is)
{
    const slv_node *value = given(u->task, "values", name);

    if (!value)
        value = given(u->task, "fill", name);
    *ret_is = value || slv_dyn_is_prefix(name);
    return !*ret_is || (slv_dyn_key_part(u->m, &u->task->model, name, value, ret) && ret->len > 0);
}

static bool add_indexes(update *u)
{
    const slv_dyn_model *model = &u->task->model;

    for (size_t i = 0; i < model->indexes.len; i++) {
        const slv_dyn_model_index *x = &model->indexes.items[i];
        bool is_pk, is_sk;
        slv_str pk, sk;

        if (!index_part(u, x->pk, &pk, &is_pk) || !index_part(u, x->sk, &sk, &is_sk) ||
            (!is_new(u->task) && is_pk != is_sk))
            return false;
        if (!is_pk || !is_sk)
            continue;
        pk = slv_dyn_tenant_key(
            u->m, model, slv_dyn_join(u->m, model->prefix, SLV_STR("#"), x->id, SLV_STR("#"), pk));
        add_text(u, slv_dyn_join(u->m, SLV_STR("_"), x->id, SLV_STR("_pk")), pk);
        add_text(u, slv_dyn_join(u->m, SLV_STR("_"), x->id, SLV_STR("_sk")), sk);
    }
    return true;
}

/* As JavaScript's strings have it: of UTF-16 units, in 32 bits with a sign. */
static uint32_t hash_of(slv_str id)
{
    uint32_t hash = 0;
    bool malformed = false;

    for (size_t i = 0; i < id.len && !malformed;) {
        uint32_t c = slv_utf8_next(id, &i, &malformed);

        if (c > 0xffff) {
            hash = hash * 31 + (0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        hash = hash * 31 + c;
    }
    return hash & 0x80000000U ? 0 - hash : hash;
}

static void add_iteration(update *u)
{
    const slv_dyn_model *model = &u->task->model;
    slv_str bucket = SLV_STR("#iter"), kept;
    char text[24];

    if (model->buckets == 0)
        return;
    if (model->buckets > 1) {
        snprintf(text, sizeof text, "#iter#%03u", hash_of(u->task->id) % model->buckets);
        if (slv_arena_dup(u->m->arena, slv_str_from(text), &kept) != SLV_OK) {
            u->m->failed = true;
            return;
        }
        bucket = kept;
    }
    add_text(u, SLV_STR("_iter_pk"),
             slv_dyn_tenant_key(u->m, model, slv_dyn_join(u->m, model->prefix, bucket)));
    add_text(u, SLV_STR("_iter_sk"), u->task->id);
}

/* The expression of the parts, with their names and values. */
static bool put_expression(update *u, slv_dyn_params *p, slv_node *request)
{
    static const char *const words[CLAUSES] = {"SET", "ADD", "REMOVE", "DELETE"};
    slv_str kept;

    for (unsigned c = 0; c < CLAUSES; c++) {
        bool any = false;

        for (size_t i = 0; i < u->parts.len; i++) {
            const part *one = &u->parts.items[i];
            const char *before = any ? ", " : p->text->len > 0 ? " " : "";

            if (one->clause != c)
                continue;
            if (slv_buf_printf(p->text, "%s%s%s#%.*s", before, any ? "" : words[c], any ? "" : " ",
                               SLV_STR_ARGS(one->name)) != SLV_OK ||
                (c != REMOVE && slv_buf_printf(p->text, "%s:%.*s", c == SET ? " = " : " ",
                                               SLV_STR_ARGS(one->name)) != SLV_OK))
                return false;
            any = true;
            slv_dyn_make_text(u->m, p->names, slv_dyn_join(u->m, SLV_STR("#"), one->name),
                              one->name);
            if (c != REMOVE && one->value) {
                one->value->key = slv_dyn_join(u->m, SLV_STR(":"), one->name);
                slv_node_append(p->values, one->value);
            }
        }
    }
    if (p->text->len == 0)
        return true;
    if (slv_arena_dup(u->m->arena, slv_buf_view(p->text), &kept) != SLV_OK)
        return false;
    slv_dyn_make_text(u->m, request, SLV_STR("UpdateExpression"), kept);
    return true;
}

static bool add_all(update *u)
{
    const slv_node *values = slv_node_get(u->task->json, "values");

    if (!slv_node_is(values, SLV_NODE_OBJECT))
        return false;
    for (const slv_node *n = values->first; n; n = n->next)
        if (!add_value(u, n))
            return false;
    if (!add_indexes(u))
        return false;
    add_iteration(u);
    return true;
}

/* The parameters of the update; they are the request or a part of a transaction. */
static bool make_params(update *u, slv_node *request)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_DYNAMO_BODY_MAX);
    slv_dyn_params p = {.m = u->m, .model = &u->task->model, .text = &text};
    const slv_node *condition = slv_node_get(u->task->json, "condition");

    p.names = slv_dyn_make(u->m, SLV_NODE_OBJECT);
    p.values = slv_dyn_make(u->m, SLV_NODE_OBJECT);
    slv_dyn_make_text(u->m, request, SLV_STR("TableName"), u->task->model.table);
    if (!slv_dyn_make_key(u->m, &u->task->model,
                          slv_dyn_make_in(u->m, request, SLV_STR("Key"), SLV_NODE_OBJECT),
                          u->task->id) ||
        u->m->failed || !put_expression(u, &p, request))
        return false;
    if (condition) {
        if (!slv_dyn_make_filter(&p, condition, request, SLV_STR("ConditionExpression")))
            return false;
    } else if (is_new(u->task)) {
        slv_dyn_make_text(u->m, request, SLV_STR("ConditionExpression"),
                          SLV_STR("attribute_not_exists(#pk)"));
        if (!slv_node_find(p.names, SLV_STR("#pk")))
            slv_dyn_make_text(u->m, p.names, SLV_STR("#pk"), SLV_STR("_pk"));
        else
            return false; /* a field of that name */
    }
    slv_dyn_make_params(&p, request);
    return true;
}

static bool make_write(update *u, slv_node *root)
{
    slv_node *items;

    if (!add_all(u))
        return false;
    slv_dyn_make_text(u->m, root, SLV_STR("ReturnConsumedCapacity"), SLV_STR("TOTAL"));
    if (!u->task->transacts) {
        slv_dyn_make_text(u->m, root, SLV_STR("ReturnValues"), SLV_STR("ALL_NEW"));
        return make_params(u, root);
    }
    items = slv_dyn_make_in(u->m, root, SLV_STR("TransactItems"), SLV_NODE_ARRAY);
    make_entries(u->m, u->task, items);
    return make_params(
        u, slv_dyn_make_in(u->m, slv_dyn_make_in(u->m, items, SLV_STR(""), SLV_NODE_OBJECT),
                           SLV_STR("Update"), SLV_NODE_OBJECT));
}

static slv_code make_save(void *arg, slv_arena *arena, slv_node **ret)
{
    slv_dyn_maker m = {.arena = arena};
    update u = {.task = arg, .m = &m};

    *ret = slv_dyn_make(&m, SLV_NODE_OBJECT);
    bool made = make_write(&u, *ret);
    slv_vec_done(&u.parts);
    return m.failed ? SLV_E_LIMIT : made ? SLV_OK : SLV_E_INVAL;
}

static slv_code make_read(void *arg, slv_arena *arena, slv_node **ret)
{
    slv_dynamo_task *task = arg;
    slv_dyn_maker m = {.arena = arena};
    slv_node *root = *ret = slv_dyn_make(&m, SLV_NODE_OBJECT);

    slv_dyn_make_text(&m, root, SLV_STR("TableName"), task->model.table);
    slv_dyn_make_text(&m, root, SLV_STR("ReturnConsumedCapacity"), SLV_STR("TOTAL"));
    if (!slv_dyn_make_key(&m, &task->model,
                          slv_dyn_make_in(&m, root, SLV_STR("Key"), SLV_NODE_OBJECT), task->id))
        return SLV_E_INVAL;
    return slv_dyn_made(&m);
}

/* ---- one request after another ---- */

static slv_dynamo_request *not_mine(slv_dynamo_task *task)
{
    return slv_dyn_task_end(task, SLV_DYNAMO_TASK_NOT_MINE, SLV_STR(""));
}

/* The next value that must be looked at, or the write. */
static slv_dynamo_request *go_on(slv_dynamo_task *task)
{
    for (; task->unique < task->model.uniques.len; task->unique++) {
        const slv_node *value =
            given(task, "values", task->model.uniques.items[task->unique].field);

        if (!value || value->type == SLV_NODE_NULL)
            continue;
        if (value->type != SLV_NODE_STRING)
            return not_mine(task);
        return slv_dyn_task_ask(task, SLV_DYN_GET_ITEM, make_check);
    }
    task->phase = SLV_DYN_SAVE_WRITE;
    task->transacts = changes_any(task);
    return slv_dyn_task_ask(
        task, task->transacts ? SLV_DYN_TRANSACT_WRITE_ITEMS : SLV_DYN_UPDATE_ITEM, make_save);
}

static slv_dynamo_request *checked(slv_dynamo_task *task, int status, slv_str body)
{
    bool is_taken;

    if (status != 200 || !taken(task, body, &is_taken))
        return not_mine(task);
    if (is_taken)
        return slv_dyn_task_end(task, SLV_DYNAMO_TASK_TAKEN,
                                task->model.uniques.items[task->unique].field);
    task->unique++;
    return go_on(task);
}

static slv_dynamo_request *written(slv_dynamo_task *task, int status, slv_str body)
{
    if (!task->transacts || status != 200)
        return NULL;
    if (slv_buf_printf(&task->kept, "{\"written\":%.*s,\"read\":", SLV_STR_ARGS(body)) != SLV_OK)
        return slv_dyn_task_end(task, 500, SLV_STR("{}"));
    task->phase = SLV_DYN_SAVE_READ;
    return slv_dyn_task_ask(task, SLV_DYN_GET_ITEM, make_read);
}

static slv_dynamo_request *read_back(slv_dynamo_task *task, const slv_dynamo_request *r, int status,
                                     slv_str body)
{
    if (status != 200)
        return NULL;
    if (slv_buf_append(&task->kept, body) != SLV_OK ||
        slv_buf_append_byte(&task->kept, '}') != SLV_OK)
        return slv_dyn_task_end(task, 500, SLV_STR("{}"));
    return slv_dyn_task_end(task, r->plain.marked ? SLV_DYNAMO_TASK_MARKED : 200,
                            slv_buf_view(&task->kept));
}

slv_dynamo_request *slv_dyn_save_step(slv_dynamo_task *task, const slv_dynamo_request *answered)
{
    slv_str body;
    int status;

    if (!answered)
        return make_id(task) ? go_on(task) : not_mine(task);
    slv_dynamo_request_answer(answered, &status, &body);
    switch (task->phase) {
    case SLV_DYN_SAVE_CHECK:
        return checked(task, status, body);
    case SLV_DYN_SAVE_WRITE:
        return written(task, status, body);
    case SLV_DYN_SAVE_READ:
        return read_back(task, answered, status, body);
    }
    SLV_UNREACHABLE();
}
