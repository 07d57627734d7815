/*
 * Point-in-time recovery: what an object asks about its past, and that it goes back there when it
 * is opened next. Answers come with the object's next sync, which has the files for itself.
 */
#include "edge/object_int.h"
#include "edge/resource_int.h"

#include "base/mem.h"

enum {
    OP_BOOKMARK_NOW = 100,
    OP_BOOKMARK_AT = 101,
    OP_BOOKMARK_RESTORE = 102,
};

struct slv_object_question {
    slv_list node; /* of the object, or of its sync */
    slv_op op;     /* op.event NULL: nobody waits */
    uint16_t kind;
    int64_t at_ms;
    char bookmark[SLV_OBJECT_BOOKMARK_LEN + 1];
    size_t bookmark_len;
    char answer[SLV_OBJECT_BOOKMARK_LEN + 1];
    slv_code code;
    slv_err err;
};

slv_object_question *slv_object_question_of(slv_list *node)
{
    return slv_container_of(node, slv_object_question, node);
}

void slv_object_question_run(slv_object_question *ask, slv_object_files *files)
{
    switch (ask->kind) {
    case OP_BOOKMARK_NOW:
        ask->code = slv_object_files_bookmark(files, ask->answer, &ask->err);
        break;
    case OP_BOOKMARK_AT:
        ask->code = slv_object_files_bookmark_at(files, ask->at_ms, ask->answer, &ask->err);
        break;
    default:
        ask->code = slv_object_files_restore(files, slv_str_make(ask->bookmark, ask->bookmark_len),
                                             ask->answer, &ask->err);
    }
}

void slv_object_question_done(slv_object_question *ask)
{
    if (ask->op.event && ask->answer[0]) {
        slv_link *link = slv_event_link(ask->op.event);
        slv_buf *out = slv_link_begin(link, SLV_FRAME_RESULT, 0, ask->op.id);

        slv_link_end(link, slv_msg_str_put(out, slv_str_from(ask->answer)));
    } else if (ask->op.event) {
        slv_op_reject(ask->op.event, ask->op.id, SLV_STR("Error"),
                      slv_str_from(ask->code != SLV_OK ? slv_err_text(&ask->err)
                                                       : "The object's storage has failed."));
    }
    if (ask->op.event)
        slv_op_close(&ask->op);
    free(ask);
}

static void on_cancel(slv_op *op, bool answer)
{
    slv_op_abort(op, answer); /* the sync still has it */
}

static const slv_op_ops op_ops = {on_cancel};

slv_code slv_bookmark_op(const slv_resource_call *c, slv_err *err)
{
    slv_reader r = slv_reader_make(c->rest);
    int64_t at = (int64_t)slv_read_u64(&r);
    slv_str bookmark = slv_read_str(&r);
    slv_object *o = c->ev->object;

    if (r.bad || r.rest.len > 0 || !o || c->kind > OP_BOOKMARK_RESTORE || c->stream)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed operation on an object's past");
    if (bookmark.len > SLV_OBJECT_BOOKMARK_LEN) {
        slv_op_reject(c->ev, c->op, SLV_STR("Error"), SLV_STR("The bookmark is malformed."));
        return SLV_OK;
    }
    slv_object_question *ask = slv_new0(slv_object_question);
    ask->kind = c->kind;
    ask->at_ms = at;
    ask->bookmark_len = bookmark.len;
    if (bookmark.len > 0)
        memcpy(ask->bookmark, bookmark.ptr, bookmark.len);
    slv_op_open(&ask->op, c->ev, c->op, &op_ops);
    slv_list_push(&o->asks, &ask->node);
    slv_object_sync_soon(o);
    return SLV_OK;
}
