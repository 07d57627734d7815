#include "net/pump.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "aio/timer.h"
#include "base/mem.h"
#include "net/pump_int.h"

#define READ_SIZE ((size_t)16 << 10)
#define READS_MAX 8
/* Whoever serves has ended its side: so long may the client take to end its own. */
#define LINGER_MS 5000

/* One side: what it has still to be given, and whether it said its last. */
typedef struct side {
    slv_wire wire;
    slv_outq out;
    bool blocked, eof, shut;
    bool gone; /* takes nothing any more: what is for it is dropped */
} side;

typedef struct pump {
    side client, server;
    slv_pumps *all;
    slv_list node;
    slv_mail mail;
    slv_task work;
    slv_timer timer;
    char *first; /* what the client gets first, until the pump is on its loop */
    size_t first_len;
    bool dead;
} pump;

struct slv_pumps {
    slv_loop *loop;
    slv_outpool *pool;
    slv_list list;
    atomic_size_t count;
    void (*over)(void *arg);
    void *arg;
};

static void pump_free(pump *p)
{
    slv_pumps *all = p->all;

    slv_timer_stop(&p->timer);
    slv_task_cancel(&p->work);
    slv_wire_close(&p->client.wire, false);
    slv_wire_close(&p->server.wire, false);
    slv_outq_clear(&p->client.out);
    slv_outq_clear(&p->server.out);
    slv_list_remove(&p->node);
    free(p->first);
    free(p);
    if (atomic_fetch_sub(&all->count, 1) == 1 && all->over)
        all->over(all->arg);
}

static void die(pump *p)
{
    if (p->dead)
        return;
    p->dead = true;
    slv_wire_unwatch(&p->client.wire);
    slv_wire_unwatch(&p->server.wire);
    slv_loop_later(p->all->loop, &p->work);
}

/* A client that takes nothing has gone. A server that does may have answered before it closed. */
static void write_out(pump *p, side *to)
{
    if (!to->gone && slv_outq_write(&to->out, &to->wire) < 0) {
        to->gone = true;
        if (to == &p->client)
            die(p);
    }
    if (to->gone)
        slv_outq_clear(&to->out);
    to->blocked = to->out.bytes > 0;
}

/* from has said its last and to has it all: it hears of the end. */
static void pass_end(pump *p, const side *from, side *to)
{
    if (!from->eof || to->blocked || to->shut)
        return;
    to->shut = true;
    slv_wire_shutdown(&to->wire);
    if (from == &p->server)
        slv_timer_start(&p->timer, p->all->loop, LINGER_MS);
}

static bool may_read(const side *from, const side *to)
{
    return !from->eof && to->out.bytes < SLV_PUMP_QUEUE;
}

static void move(pump *p, side *from, side *to)
{
    char buf[READ_SIZE];

    for (int i = 0; i < READS_MAX && !p->dead && may_read(from, to); i++) {
        ssize_t n = slv_wire_read(&from->wire, buf, sizeof buf);

        if (n == -EAGAIN)
            break;
        if (n < 0 && from == &p->client) {
            die(p);
            return;
        }
        if (n <= 0) /* a server that was killed has ended too */
            from->eof = true;
        else
            slv_outq_append(&to->out, slv_str_make(buf, (size_t)n));
        write_out(p, to);
        if (n < (ssize_t)sizeof buf && !slv_wire_pending(&from->wire))
            break;
    }
    if (!p->dead)
        pass_end(p, from, to);
}

static void watch(pump *p)
{
    side *c = &p->client, *s = &p->server;

    if (p->dead)
        return;
    if (c->shut && s->shut) {
        die(p);
        return;
    }
    slv_wire_watch(&c->wire, p->all->loop,
                   (may_read(c, s) ? SLV_POLL_READ : 0) | (c->blocked ? SLV_POLL_WRITE : 0));
    slv_wire_watch(&s->wire, p->all->loop,
                   (may_read(s, c) ? SLV_POLL_READ : 0) | (s->blocked ? SLV_POLL_WRITE : 0));
    if (slv_wire_pending(&c->wire) && may_read(c, s)) /* the socket will not tell of it */
        slv_loop_later(p->all->loop, &p->work);
}

static void go_on(pump *p)
{
    if (!p->dead && p->client.blocked)
        write_out(p, &p->client);
    if (!p->dead && p->server.blocked)
        write_out(p, &p->server);
    if (!p->dead)
        move(p, &p->client, &p->server);
    if (!p->dead)
        move(p, &p->server, &p->client);
    watch(p);
}

static void on_client(slv_poll *poll, unsigned events)
{
    (void)events;
    go_on(slv_container_of(poll, pump, client.wire.poll));
}

static void on_server(slv_poll *poll, unsigned events)
{
    (void)events;
    go_on(slv_container_of(poll, pump, server.wire.poll));
}

static void on_work(slv_task *task)
{
    pump *p = slv_container_of(task, pump, work);

    if (p->dead)
        pump_free(p);
    else
        go_on(p);
}

static void on_timer(slv_timer *timer)
{
    die(slv_container_of(timer, pump, timer));
}

static void on_taken(slv_mail *mail)
{
    pump *p = slv_container_of(mail, pump, mail);

    p->client.out.pool = p->server.out.pool = p->all->pool;
    slv_list_push(&p->all->list, &p->node);
    slv_outq_append(&p->client.out, slv_str_make(p->first, p->first_len));
    p->client.blocked = p->first_len > 0;
    free(SLV_STEAL(p->first));
    go_on(p);
}

void slv_pumps_take(slv_pumps *all, slv_wire *client, slv_outq *queued, int plain)
{
    pump *p = slv_new0(pump);

    atomic_fetch_add(&all->count, 1);
    p->all = all;
    slv_wire_take(&p->client.wire, client);
    p->client.wire.poll.fn = on_client;
    p->server.wire.fd = plain;
    p->server.wire.poll.fn = on_server;
    p->work.fn = on_work;
    p->timer.fn = on_timer;
    p->mail.fn = on_taken;
    if (queued && queued->bytes > 0) { /* its blocks are of another loop's pool */
        p->first = slv_alloc(queued->bytes);
        for (const slv_outblock *b = queued->first; b; b = b->next) {
            memcpy(p->first + p->first_len, b->data + b->start, b->end - b->start);
            p->first_len += b->end - b->start;
        }
        slv_outq_clear(queued);
    }
    slv_loop_post(all->loop, &p->mail);
}

slv_pumps *slv_pumps_new(slv_loop *loop, void (*over)(void *arg), void *arg)
{
    slv_pumps *all = slv_new0(slv_pumps);

    all->loop = loop;
    all->pool = slv_outpool_new();
    slv_list_init(&all->list);
    atomic_init(&all->count, 0);
    all->over = over;
    all->arg = arg;
    return all;
}

size_t slv_pumps_count(const slv_pumps *all)
{
    return atomic_load(&all->count);
}

slv_pumps *slv_pumps_free(slv_pumps *all)
{
    if (!all)
        return NULL;
    all->over = NULL;
    while (!slv_list_empty(&all->list))
        pump_free(slv_container_of(all->list.next, pump, node));
    slv_outpool_unref(all->pool);
    free(all);
    return NULL;
}
