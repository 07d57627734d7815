#include "rt/object_int.h"

/* The object of a native, or return NULL. */
#define OBJECT(o)                                                                                  \
    slv_rt *rt = slv_rt_current();                                                                 \
    rt_object *o = slv_rt_object_arg(rt, ctx, SLV_ARG(0), exc);                                    \
    if (!o)                                                                                        \
    return NULL

/* kvGet(object, key) -> Uint8Array, or undefined */
SLV_NATIVE(kv_get)
{
    OBJECT(o);
    SLV_TEXT(key);
    slv_str value;
    slv_err err = {0};
    slv_code code;

    if (!slv_js_text_arg(ctx, SLV_ARG(1), &key, exc))
        return NULL;
    code = slv_durable_kv_get(o->db, key.str, &value, &err);
    if (code == SLV_OK) {
        JSValueRef bytes = slv_js_bytes_copy(ctx, value, exc);

        slv_durable_kv_got(o->db);
        return bytes;
    }
    return code == SLV_E_NOTFOUND ? slv_js_undefined(ctx)
                                  : slv_rt_object_throw(rt, o, ctx, &err, exc);
}

/* kvPut(object, key, bytes, unconfirmed) */
SLV_NATIVE(kv_put)
{
    OBJECT(o);
    SLV_TEXT(key);
    slv_js_bytes value;
    slv_err err = {0};

    if (!slv_js_text_arg(ctx, SLV_ARG(1), &key, exc) ||
        !slv_js_bytes_arg(ctx, SLV_ARG(2), &value, exc))
        return NULL;
    if (slv_durable_kv_put(o->db, key.str, slv_js_bytes_str(value), &err) != SLV_OK)
        return slv_rt_object_throw(rt, o, ctx, &err, exc);
    slv_rt_object_wrote(rt, o, JSValueToBoolean(ctx, SLV_ARG(3)));
    return slv_js_undefined(ctx);
}

/* kvDelete(object, key, unconfirmed) -> whether it was there */
SLV_NATIVE(kv_delete)
{
    OBJECT(o);
    SLV_TEXT(key);
    slv_err err = {0};
    bool was_there;

    if (!slv_js_text_arg(ctx, SLV_ARG(1), &key, exc))
        return NULL;
    if (slv_durable_kv_delete(o->db, key.str, &was_there, &err) != SLV_OK)
        return slv_rt_object_throw(rt, o, ctx, &err, exc);
    slv_rt_object_wrote(rt, o, JSValueToBoolean(ctx, SLV_ARG(2)));
    return slv_js_bool(ctx, was_there);
}

/* kvList(object, start, end or undefined, reverse, limit or 0): begins a listing */
SLV_NATIVE(kv_list)
{
    OBJECT(o);
    SLV_TEXT(start);
    SLV_TEXT(end);
    slv_durable_range range = {0};
    slv_err err = {0};
    uint32_t limit;

    if (!slv_js_text_arg(ctx, SLV_ARG(1), &start, exc) ||
        !slv_js_text_arg(ctx, SLV_ARG(2), &end, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(4), &limit, exc))
        return NULL;
    range.start = start.str;
    range.has_end = !JSValueIsUndefined(ctx, SLV_ARG(2));
    range.end = end.str;
    range.reverse = JSValueToBoolean(ctx, SLV_ARG(3));
    range.limit = limit;
    if (slv_durable_kv_list(o->db, &range, &err) != SLV_OK)
        return slv_rt_object_throw(rt, o, ctx, &err, exc);
    return slv_js_undefined(ctx);
}

/* kvNext(object, count) -> up to count entries of the listing, [key, bytes, key, bytes …]; less: it
 * has ended */
SLV_NATIVE(kv_next)
{
    OBJECT(o);
    JSObjectRef array = slv_js_array(ctx, 0, NULL);
    uint32_t count;
    slv_str key;
    slv_str value;
    slv_err err = {0};
    slv_code code = SLV_OK;

    if (!slv_js_u32_arg(ctx, SLV_ARG(1), &count, exc))
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        JSValueRef bytes;

        code = slv_durable_kv_next(o->db, &key, &value, &err);
        if (code != SLV_OK)
            break;
        bytes = slv_js_bytes_copy(ctx, value, exc);
        if (!bytes)
            return NULL;
        JSObjectSetPropertyAtIndex(ctx, array, 2 * i, slv_js_string(ctx, key), NULL);
        JSObjectSetPropertyAtIndex(ctx, array, 2 * i + 1, bytes, NULL);
    }
    return code == SLV_OK || code == SLV_E_NOTFOUND ? array
                                                    : slv_rt_object_throw(rt, o, ctx, &err, exc);
}

/* storageDeleteAll(object, alarm too, unconfirmed) */
SLV_NATIVE(storage_delete_all)
{
    OBJECT(o);
    bool alarm = JSValueToBoolean(ctx, SLV_ARG(1));
    slv_err err = {0};

    slv_rt_object_cursors_end(o);
    if (slv_durable_delete_all(o->db, alarm, &err) != SLV_OK)
        return slv_rt_object_throw(rt, o, ctx, &err, exc);
    if (alarm)
        o->alarm = SLV_ALARM_NONE;
    slv_rt_object_wrote(rt, o, JSValueToBoolean(ctx, SLV_ARG(2)));
    return slv_js_undefined(ctx);
}

/* alarmGet(object) -> ms or -1 */
SLV_NATIVE(alarm_get)
{
    OBJECT(o);
    slv_err err = {0};
    int64_t ms;

    if (slv_durable_alarm_get(o->db, &ms, &err) != SLV_OK)
        return slv_rt_object_throw(rt, o, ctx, &err, exc);
    return slv_js_num(ctx, (double)ms);
}

/* alarmSet(object, ms or -1, unconfirmed) */
SLV_NATIVE(alarm_set)
{
    OBJECT(o);
    slv_err err = {0};
    double ms;

    if (!slv_js_f64_arg(ctx, SLV_ARG(1), &ms, exc))
        return NULL;
    if (slv_durable_alarm_set(o->db, (int64_t)ms, &err) != SLV_OK)
        return slv_rt_object_throw(rt, o, ctx, &err, exc);
    o->alarm = ms < 0 ? SLV_ALARM_NONE : SLV_ALARM_SET;
    o->alarm_ms = (int64_t)ms;
    slv_rt_object_wrote(rt, o, JSValueToBoolean(ctx, SLV_ARG(2)));
    return slv_js_undefined(ctx);
}

/* What the alarm is after writes were undone is what the next commit tells. */
static void alarm_again(rt_object *o)
{
    int64_t ms;

    if (o->alarm == SLV_ALARM_SAME || slv_durable_alarm_get(o->db, &ms, NULL) != SLV_OK)
        return;
    o->alarm = ms == SLV_DURABLE_NO_ALARM ? SLV_ALARM_NONE : SLV_ALARM_SET;
    o->alarm_ms = ms;
}

/* txnBegin(object, spanning): a savepoint; spanning: it may outlive this turn */
SLV_NATIVE(txn_begin)
{
    OBJECT(o);
    bool spanning = JSValueToBoolean(ctx, SLV_ARG(1));
    slv_err err = {0};

    if (spanning && o->spanning == 0) {
        slv_rt_object_commit(rt, o); /* what came before is no part of it */
        if (o->end != RT_OBJECT_LIVES)
            return slv_js_throw_error(ctx, exc, "This Durable Object has been reset.");
    }
    if (slv_durable_savepoint(o->db, &err) != SLV_OK)
        return slv_rt_object_throw(rt, o, ctx, &err, exc);
    if (spanning)
        o->spanning++;
    else
        slv_rt_object_wrote(rt, o, false); /* so that the turn's end looks at it */
    return slv_js_undefined(ctx);
}

/* txnEnd(object, spanning, commit) */
SLV_NATIVE(txn_end)
{
    OBJECT(o);
    bool spanning = JSValueToBoolean(ctx, SLV_ARG(1)) && o->spanning;
    slv_code code = SLV_OK;
    slv_err err = {0};

    if (JSValueToBoolean(ctx, SLV_ARG(2))) {
        code = slv_durable_release(o->db, &err);
    } else {
        if (spanning && o->spanning == 1) /* nothing else is in this transaction */
            slv_durable_rollback(o->db);
        else
            slv_durable_rollback_to(o->db);
        alarm_again(o);
    }
    if (spanning)
        o->spanning--;
    if (code != SLV_OK)
        return slv_rt_object_throw(rt, o, ctx, &err, exc);
    slv_rt_object_wrote(rt, o, false);
    return slv_js_undefined(ctx);
}

/* storageSize(object) -> bytes */
SLV_NATIVE(storage_size)
{
    OBJECT(o);
    slv_err err = {0};
    uint64_t size;

    if (slv_durable_size(o->db, &size, &err) != SLV_OK)
        return slv_rt_object_throw(rt, o, ctx, &err, exc);
    return slv_js_num(ctx, (double)size);
}

static const slv_native store_natives[] = {
    {"kvGet", kv_get},
    {"kvPut", kv_put},
    {"kvDelete", kv_delete},
    {"kvList", kv_list},
    {"kvNext", kv_next},
    {"storageDeleteAll", storage_delete_all},
    {"storageSize", storage_size},
    {"alarmGet", alarm_get},
    {"alarmSet", alarm_set},
    {"txnBegin", txn_begin},
    {"txnEnd", txn_end},
};

void slv_rt_add_object_store_natives(slv_rt *rt)
{
    slv_js_add_natives(rt->js, store_natives, SLV_ARRAY_LEN(store_natives));
}
