/*
 * The keeper: the state library on one account's databases, between two sockets. It opens what it
 * needs before it locks itself down, and believes main as far as a bug in main would go: what comes
 * is checked, and a violation ends the connection.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aio/poll.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "chan/link.h"
#include "keeper/keeper.h"
#include "keeper/wire.h"
#include "sandbox/sandbox.h"
#include "state/kinds.h"

#define SQL_THREADS 2
#define ID_MAX SLV_STORE_ID_MAX
/* Beside what SQLite has: requests, answers, stacks. */
#define OTHER_MEMORY ((uint64_t)256 << 20)
#define ANSWER_MAX (SLV_MESSAGE_MAX - ((size_t)64 << 10))

typedef struct keeper_process {
    slv_loop *loop;
    slv_state *state;
    slv_str tenant;
    slv_poll control;
    slv_list conns;
    size_t calls; /* under way */
    bool ending;
    bool still; /* held, for a copy */
} keeper_process;

typedef struct connection {
    slv_list node;
    keeper_process *k;
    slv_link *link;
    slv_list calls; /* served.node */
} connection;

/* One call of main. */
typedef struct served {
    slv_list node;
    connection *conn; /* NULL: gone */
    keeper_process *k;
    uint32_t id;
    slv_call call;
    slv_store *store;
    slv_buf request, answer;
    slv_served ask;
    atomic_bool stop;
} served;

static void end_when_idle(keeper_process *k)
{
    if (k->ending && k->calls == 0)
        slv_loop_stop(k->loop);
}

/* ---- calls ---- */

static void served_free(served *s)
{
    s->k->calls--;
    end_when_idle(s->k);
    slv_list_remove(&s->node);
    if (s->ask.fd >= 0)
        close(s->ask.fd);
    (void)slv_store_unref(s->store);
    slv_buf_done(&s->request);
    slv_buf_done(&s->answer);
    free(s);
}

static slv_code put_result(const served *s, slv_buf *out)
{
    slv_str message = slv_str_from(s->call.code == SLV_OK ? "" : slv_err_text(&s->call.err));

    SLV_TRY(slv_buf_append_u32(out, (uint32_t)s->call.code));
    SLV_TRY(slv_buf_append_u32(out, (uint32_t)message.len));
    SLV_TRY(slv_buf_append(out, message));
    return slv_buf_append(out, slv_buf_view(&s->answer));
}

static void on_done(slv_call *call)
{
    served *s = slv_container_of(call, served, call);

    if (s->conn) {
        slv_buf *out = slv_link_begin(s->conn->link, SLV_FRAME_RESULT, 0, s->id);

        slv_link_end(s->conn->link, put_result(s, out));
    }
    served_free(s);
}

static slv_code run(slv_call *call, void *service, slv_err *err)
{
    served *s = slv_container_of(call, served, call);

    slv_buf_reset(&s->answer);
    return slv_d1_store.serve(service, &s->ask, &s->answer, err);
}

static slv_code take_op(connection *conn, const slv_frame *frame, slv_err *err)
{
    slv_reader r = slv_reader_make(frame->payload);
    uint8_t bits = slv_read_u8(&r);
    slv_str id = slv_read_str(&r);
    served *s;

    if (r.bad || bits > SLV_KEEPER_BITS || id.len > ID_MAX)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed call");
    s = slv_new0(served);
    s->k = conn->k;
    s->k->calls++;
    s->conn = conn;
    s->id = frame->id;
    s->request = SLV_BUF(SLV_MESSAGE_MAX);
    s->answer = SLV_BUF(ANSWER_MAX);
    s->ask.fd = bits & SLV_KEEPER_HAS_FD ? slv_link_take_fd(conn->link) : -1;
    slv_list_push(&conn->calls, &s->node);
    s->store = slv_state_store(conn->k->state, &slv_d1_store, conn->k->tenant, id);
    s->call = (slv_call){.kind = bits & SLV_KEEPER_READ   ? SLV_CALL_READ
                                 : bits & SLV_KEEPER_SOLO ? SLV_CALL_SOLO
                                                          : SLV_CALL_WRITE,
                         .create = bits & SLV_KEEPER_CREATE,
                         .run = run,
                         .done = on_done};
    if (slv_buf_set(&s->request, r.rest) != SLV_OK) {
        served_free(s);
        return slv_fail(err, SLV_E_NOMEM, "no memory for a call");
    }
    s->ask.read = bits & SLV_KEEPER_READ;
    s->ask.bytes = slv_buf_view(&s->request);
    s->ask.stop = &s->stop;
    if (bits & SLV_KEEPER_DESTROY)
        slv_store_destroy(s->store, conn->k->loop, &s->call);
    else
        slv_store_call(s->store, conn->k->loop, &s->call);
    return SLV_OK;
}

static slv_code on_frame(void *user, const slv_frame *frame, slv_err *err)
{
    connection *conn = user;

    if (frame->type == SLV_FRAME_OP)
        return take_op(conn, frame, err);
    if (frame->type != SLV_FRAME_OP_CANCEL)
        return slv_fail(err, SLV_E_PROTOCOL, "%s has no place here",
                        slv_frame_type_name(frame->type));
    SLV_LIST_EACH (n, &conn->calls) {
        served *s = slv_container_of(n, served, node);

        if (s->id == frame->id)
            atomic_store_explicit(&s->stop, true, memory_order_relaxed);
    }
    return SLV_OK;
}

/* ---- connections ---- */

static void close_connection(connection *conn)
{
    slv_list *node;

    while ((node = slv_list_pop(&conn->calls)) != NULL) {
        served *s = slv_container_of(node, served, node);

        s->conn = NULL;
        atomic_store_explicit(&s->stop, true, memory_order_relaxed);
    }
    slv_list_remove(&conn->node);
    conn->link = slv_link_close(conn->link);
    free(conn);
}

static void on_closed(void *user, slv_code code, const char *text)
{
    if (code != SLV_E_CLOSED)
        fprintf(stderr, "connection: %s\n", text);
    close_connection(user);
}

static void add_connection(keeper_process *k, int fd)
{
    connection *conn = slv_new0(connection);
    slv_link_options options = {.loop = k->loop,
                                .side = SLV_CHAN_MAIN,
                                .user = conn,
                                .frame = on_frame,
                                .closed = on_closed,
                                .takes_fds = true};
    slv_err err = {0};

    conn->k = k;
    slv_list_init(&conn->calls);
    if (slv_link_open_take(&options, fd, &conn->link, &err) != SLV_OK) {
        fprintf(stderr, "%s\n", slv_err_text(&err));
        free(conn);
        return;
    }
    slv_list_push(&k->conns, &conn->node);
}

static void begin_end(keeper_process *k)
{
    slv_poll_stop(&k->control);
    k->ending = true;
    end_when_idle(k);
}

/* A step of a copy that main makes of the state; answered when it is done. False: it is none. */
static bool hold_still(keeper_process *k, char what)
{
    switch (what) {
    case SLV_STILL_HOLD:
        k->still = slv_state_hold(k->state, NULL) == SLV_OK;
        break;
    case SLV_STILL_FREEZE:
        if (k->still)
            slv_state_freeze(k->state);
        break;
    case SLV_STILL_THAW:
        slv_state_thaw(k->state);
        break;
    case SLV_STILL_RELEASE:
        if (k->still)
            slv_state_release(k->state);
        k->still = false;
        break;
    default:
        return false;
    }
    (void)send(SLV_KEEPER_FD, &what, 1, MSG_NOSIGNAL);
    return true;
}

static void on_control(slv_poll *poll, SLV_UNUSED unsigned events)
{
    keeper_process *k = slv_container_of(poll, keeper_process, control);
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.space,
                         .msg_controllen = sizeof control.space};
    ssize_t n = recvmsg(SLV_KEEPER_FD, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const struct cmsghdr *c;
    int fd;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        begin_end(k);
        return;
    }
    if (hold_still(k, byte))
        return;
    c = CMSG_FIRSTHDR(&msg);
    if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
        return;
    memcpy(&fd, CMSG_DATA(c), sizeof fd);
    slv_sandbox_hide(); /* main has looked at us by now */
    add_connection(k, fd);
}

/* ---- life ---- */

static int fail(const slv_err *err)
{
    fprintf(stderr, "%s\n", slv_err_text(err));
    return 1;
}

static slv_code limit_memory(uint64_t bytes, slv_err *err)
{
#ifdef __SANITIZE_ADDRESS__ /* whose shadow is larger than any limit */
    (void)bytes;
    (void)err;
#else
    struct rlimit data = {bytes, bytes};

    if (setrlimit(RLIMIT_DATA, &data) != 0)
        return slv_fail_errno(err, SLV_E_DENIED, "setrlimit");
#endif
    return SLV_OK;
}

static slv_code lock_down(pid_t parent, const char *folder, uint64_t memory, slv_err *err)
{
    slv_sandbox_options options = {.role = SLV_SANDBOX_KEEPER,
                                   .mode = slv_sandbox_mode_env(),
                                   .parent = parent,
                                   .dir = folder};
    slv_sandbox_report report = {0};
    char hello;

    SLV_TRY(limit_memory(memory + OTHER_MEMORY, err));
    SLV_TRY(slv_sandbox_enter(&options, &report, err));
    hello = report.layers & SLV_SANDBOX_LANDLOCK ? 'L' : 'W';
    if (send(SLV_KEEPER_FD, &hello, 1, MSG_NOSIGNAL) != 1)
        return slv_fail_errno(err, SLV_E_CLOSED, "main");
    return SLV_OK;
}

static slv_code serve(keeper_process *k, char **argv, pid_t parent, uint64_t memory, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf folder = SLV_BUF((size_t)8 << 10);
    const slv_state_options options = {.lent = true, .threads = 1, .user_threads = SQL_THREADS};

    SLV_TRY(slv_db_heap_limit(memory, err));
    SLV_TRY(slv_loop_new(&k->loop, err));
    SLV_TRY(slv_state_open(argv[3], &options, &k->state, err));
    SLV_TRY(slv_state_folder(k->state, &slv_d1_store, k->tenant, &folder, err));
    SLV_TRY(lock_down(parent, folder.ptr, memory, err));
    k->control.fn = on_control;
    SLV_TRY(slv_poll_start(&k->control, k->loop, SLV_KEEPER_FD, SLV_POLL_READ, err));
    slv_loop_run(k->loop);
    SLV_LIST_EACH (n, &k->conns)
        close_connection(slv_container_of(n, connection, node));
    k->state = slv_state_free(k->state); /* checkpoints and closes */
    return SLV_OK;
}

int slv_role_keeper(int argc, char **argv)
{
    keeper_process k = {0};
    slv_err err = {0};
    uint64_t parent = 0, memory = 0;

    if (argc < 6 || slv_parse_u64(slv_str_from(argv[2]), &parent) != SLV_OK ||
        slv_parse_u64(slv_str_from(argv[5]), &memory) != SLV_OK) {
        (void)slv_fail(&err, SLV_E_INVAL, "__keeper is started by selvage, not by people");
        return fail(&err);
    }
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != (pid_t)parent)
        return 0; /* main is gone */
    (void)mallopt(M_ARENA_MAX, 2);
    k.tenant = slv_str_from(argv[4]);
    slv_list_init(&k.conns);
    return serve(&k, argv, (pid_t)parent, memory, &err) == SLV_OK ? 0 : fail(&err);
}
