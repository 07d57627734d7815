/* Connections of loops to keepers, and the calls that are under way on them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "chan/link.h"
#include "keeper/keeper_int.h"
#include "keeper/wire.h"

#define SCRATCH_KEPT ((size_t)256 << 10)

typedef struct keeper_conn {
    keeper_home *home;
    char *tenant;
    slv_link *link;
    SLV_IMAP(struct away *) calls; /* by number */
    uint32_t next;
    uint64_t used_ms;
    slv_timer idle;
} keeper_conn;

/* A call that is elsewhere. */
typedef struct away {
    keeper_conn *conn;
    slv_call *call;
    uint32_t id;
    bool destroy, again; /* again: asked a second time */
} away;

/* ---- the end of a call ---- */

static void finish(away *a)
{
    slv_call *call = a->call;

    if (a->conn)
        (void)slv_imap_remove(&a->conn->calls, a->id);
    free(a);
    slv_call_back(call);
}

static void fail(away *a, slv_code code, const char *text)
{
    a->call->code = slv_fail(&a->call->err, code, "%s", text);
    finish(a);
}

static slv_code take_result(keeper_conn *conn, const slv_frame *frame, slv_err *err)
{
    away **found = slv_imap_get(&conn->calls, frame->id);
    slv_reader r = slv_reader_make(frame->payload);
    uint32_t code = slv_read_u32(&r);
    slv_str message = slv_read_str(&r);
    slv_call *call;

    if (!found || r.bad || code > SLV_E_JS)
        return slv_fail(err, SLV_E_PROTOCOL, "a malformed answer");
    call = (*found)->call;
    call->code = (slv_code)code;
    if (call->code != SLV_OK)
        (void)slv_fail(&call->err, call->code, "%.*s",
                       SLV_STR_ARGS(slv_str_sub(message, 0, SLV_ERR_MESSAGE_MAX)));
    if (call->wire && !(*found)->destroy && (call->code == SLV_OK || r.rest.len > 0))
        SLV_TRY(call->wire->get(call, r.rest, err));
    finish(*found);
    return SLV_OK;
}

static slv_code on_frame(void *user, const slv_frame *frame, slv_err *err)
{
    if (frame->type == SLV_FRAME_RESULT)
        return take_result(user, frame, err);
    return slv_fail(err, SLV_E_PROTOCOL, "%s has no place here", slv_frame_type_name(frame->type));
}

/* ---- connections ---- */

/* Its calls have been taken off. */
static void conn_free(keeper_conn *conn, bool broken)
{
    slv_timer_stop(&conn->idle);
    conn->link = slv_link_close(conn->link);
    (void)slv_map_remove(&conn->home->conns, slv_str_from(conn->tenant));
    slv_keeper_left_(conn->home->k, conn->tenant, broken);
    slv_imap_done(&conn->calls);
    free(conn->tenant);
    free(conn);
}

static void ask(keeper_home *home, away *a);

/* What only reads is asked once more: it has changed nothing wherever it was. */
static void on_closed(void *user, slv_code code, const char *text)
{
    keeper_conn *conn = user;
    keeper_home *home = conn->home;
    SLV_VEC(away *) left = {0};

    (void)code;
    (void)text;
    while (conn->calls.len > 0) {
        away *a = conn->calls.values[0];

        (void)slv_imap_remove(&conn->calls, a->id);
        a->conn = NULL;
        slv_vec_push(&left, a);
    }
    conn_free(conn, true);
    for (size_t i = 0; i < left.len; i++) {
        away *a = left.items[i];

        if (a->call->kind == SLV_CALL_READ && !a->again && !a->destroy) {
            a->again = true;
            ask(home, a);
        } else {
            fail(a, SLV_E_CLOSED, "the keeper of this account's databases has ended");
        }
    }
    slv_vec_done(&left);
}

static void on_idle(slv_timer *timer)
{
    keeper_conn *conn = slv_container_of(timer, keeper_conn, idle);
    slv_loop *loop = conn->home->loop;
    uint32_t idle_ms = conn->home->k->o.idle_ms;
    uint64_t now = slv_loop_now_ms(loop), end = conn->used_ms + idle_ms;

    if (conn->calls.len == 0 && now >= end)
        conn_free(conn, false);
    else
        slv_timer_start(timer, loop, now >= end ? idle_ms : end - now);
}

static keeper_conn *open_conn(keeper_home *home, slv_str tenant, slv_err *err)
{
    keeper_conn *conn = slv_new0(keeper_conn);
    slv_link_options options = {.loop = home->loop,
                                .side = SLV_CHAN_ISOLATE, /* the keeper plays main's part */
                                .user = conn,
                                .frame = on_frame,
                                .closed = on_closed};
    int pair[2] = {-1, -1};
    slv_code code = SLV_OK;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        code = slv_fail_errno(err, SLV_E_IO, "socketpair");
    else
        code = slv_link_open_take(&options, pair[0], &conn->link, err);
    if (code != SLV_OK) {
        if (pair[1] >= 0)
            close(pair[1]);
        free(conn);
        return NULL;
    }
    conn->home = home;
    conn->tenant = slv_strndup(tenant.ptr, tenant.len);
    conn->idle.fn = on_idle;
    conn->used_ms = slv_loop_now_ms(home->loop);
    slv_timer_start(&conn->idle, home->loop, home->k->o.idle_ms);
    slv_map_set(&home->conns, slv_str_from(conn->tenant), conn);
    slv_keeper_connect_(home->k, conn->tenant, pair[1]);
    return conn;
}

static keeper_conn *get_conn(keeper_home *home, slv_str tenant, slv_err *err)
{
    keeper_conn **known = slv_map_get(&home->conns, tenant);

    return known ? *known : open_conn(home, tenant, err);
}

/* ---- asking ---- */

static slv_code put_call(const away *a, uint8_t bits, slv_buf *out, int *ret_fd)
{
    SLV_CLEANUP(slv_buf_done) slv_buf id = SLV_BUF(SLV_STORE_ID_MAX + 1);
    const slv_call *call = a->call;

    SLV_TRY(slv_store_id(call->store, &id));
    SLV_TRY(slv_buf_append_u8(out, bits));
    SLV_TRY(slv_buf_append_u32(out, (uint32_t)id.len));
    SLV_TRY(slv_buf_append(out, slv_buf_view(&id)));
    if (a->destroy)
        return SLV_OK;
    SLV_TRY(call->wire->put(a->call, out, ret_fd));
    if (*ret_fd >= 0)
        out->ptr[0] = (char)(bits | SLV_KEEPER_HAS_FD);
    return SLV_OK;
}

static slv_code send_call(keeper_home *home, away *a, slv_err *err)
{
    const slv_call *call = a->call;
    keeper_conn *conn = a->conn;
    uint8_t bits =
        (uint8_t)((call->kind == SLV_CALL_READ ? SLV_KEEPER_READ : 0) |
                  (call->kind == SLV_CALL_SOLO ? SLV_KEEPER_SOLO : 0) |
                  (call->create ? SLV_KEEPER_CREATE : 0) | (a->destroy ? SLV_KEEPER_DESTROY : 0));
    int fd = -1;

    slv_buf_reset(&home->scratch);
    SLV_TRY(put_call(a, bits, &home->scratch, &fd));
    if (fd >= 0)
        return slv_link_send_fds(conn->link, SLV_FRAME_OP, a->id, slv_buf_view(&home->scratch), &fd,
                                 1, err);
    slv_link_send(conn->link, SLV_FRAME_OP, 0, a->id, slv_buf_view(&home->scratch));
    if (home->scratch.cap > SCRATCH_KEPT)
        slv_buf_done(&home->scratch);
    return SLV_OK;
}

static void ask(keeper_home *home, away *a)
{
    slv_err err = {0};
    keeper_conn *conn = get_conn(home, slv_store_tenant(a->call->store), &err);

    if (!conn) {
        fail(a, SLV_E_IO, slv_err_text(&err));
        return;
    }
    if (conn->calls.len >= SLV_KEEPER_CALLS_MAX) {
        fail(a, SLV_E_AGAIN, "too many operations wait for this account's databases");
        return;
    }
    do
        a->id = ++conn->next;
    while (a->id == 0 || slv_imap_get(&conn->calls, a->id));
    a->conn = conn;
    conn->used_ms = slv_loop_now_ms(home->loop);
    slv_imap_set(&conn->calls, a->id, a);
    slv_code code = send_call(home, a, &err);
    if (code != SLV_OK)
        fail(a, code, err.message[0] ? slv_err_text(&err) : slv_code_text(code));
}

static keeper_home *find_home(slv_keepers *k, const slv_loop *loop)
{
    for (size_t i = 0; i < k->homes.len; i++)
        if (k->homes.items[i]->loop == loop)
            return k->homes.items[i];
    return NULL;
}

static keeper_home *get_home(slv_keepers *k, slv_loop *loop)
{
    pthread_mutex_lock(&k->lock);
    keeper_home *home = find_home(k, loop);
    if (!home) {
        home = slv_new0(keeper_home);
        home->loop = loop;
        home->k = k;
        home->scratch = SLV_BUF(SLV_MESSAGE_MAX);
        slv_vec_push(&k->homes, home);
    }
    pthread_mutex_unlock(&k->lock);
    return home;
}

void slv_keeper_call_(void *arg, slv_call *call, bool destroy)
{
    away *a = slv_new0(away);

    SLV_ASSERT(destroy || call->wire);
    a->call = call;
    a->destroy = destroy;
    call->away = a;
    ask(get_home(arg, call->loop), a);
}

void slv_keeper_cancel_(void *arg, slv_call *call)
{
    const away *a = call->away;

    (void)arg;
    if (a->conn)
        slv_link_send(a->conn->link, SLV_FRAME_OP_CANCEL, 0, a->id, SLV_STR_NULL);
}

void slv_keeper_forget_(void *arg, slv_loop *loop)
{
    slv_keepers *k = arg;
    keeper_home *home;

    pthread_mutex_lock(&k->lock);
    home = find_home(k, loop);
    for (size_t i = 0; i < k->homes.len; i++)
        if (home && k->homes.items[i] == home)
            slv_vec_swap_remove(&k->homes, i);
    pthread_mutex_unlock(&k->lock);
    if (!home)
        return;
    while (home->conns.len > 0) {
        keeper_conn *conn = home->conns.values[0];

        while (conn->calls.len > 0)
            fail(conn->calls.values[0], SLV_E_CANCELED, "the server is closing");
        conn_free(conn, false);
    }
    slv_map_done(&home->conns);
    slv_buf_done(&home->scratch);
    free(home);
}
