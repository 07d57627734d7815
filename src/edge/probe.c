/* A version started once to see whether it does, on the first loop, without an event. */
#include "edge/edge_int.h"

#include "base/mem.h"

#define TEXT_MAX ((size_t)1 << 20)

typedef struct probe {
    slv_list node; /* server->probes; control loop */
    slv_mail mail;
    atomic_bool home; /* its mail is under way to the control loop */
    slv_server *server;
    slv_version *version; /* a reference */
    slv_buf failure, handlers;
    slv_err err;
    bool ok;
    uint64_t cpu_us;
    void (*fn)(void *arg, const slv_probe_result *result);
    void *arg;
} probe;

static void on_home(slv_mail *mail)
{
    probe *p = slv_container_of(mail, probe, mail);
    const slv_probe_result result = {
        .ok = p->ok,
        .failure = slv_buf_view(&p->failure),
        .err = p->ok ? NULL : &p->err,
        .handlers = slv_buf_view(&p->handlers),
        .cpu_us = p->cpu_us,
    };

    slv_list_remove(&p->node);
    p->fn(p->arg, &result);
    (void)slv_version_unref(p->version);
    slv_buf_done(&p->failure);
    slv_buf_done(&p->handlers);
    free(p);
}

static void go_home(probe *p)
{
    atomic_store(&p->home, true);
    p->mail.fn = on_home;
    slv_loop_post(p->server->o.control, &p->mail);
}

static void give_up(probe *p)
{
    (void)slv_fail(&p->err, SLV_E_CANCELED, "the server is closing");
    go_home(p);
}

static void on_up(void *user, void *arg, slv_isolate *iso, const slv_err *err)
{
    slv_shard *shard = user;
    probe *p = arg;

    p->ok = iso != NULL;
    if (iso) {
        p->cpu_us = slv_isolate_startup_us(iso);
        if (slv_buf_set(&p->handlers, slv_isolate_handlers(iso)) != SLV_OK)
            slv_buf_reset(&p->handlers);
    } else {
        p->err = *err;
        if (slv_buf_set(&p->failure, slv_pool_failure(shard->pool, p->version)) != SLV_OK)
            slv_buf_reset(&p->failure);
    }
    slv_pool_retire(shard->pool, p->version);
    go_home(p);
}

static void on_shard(slv_mail *mail)
{
    probe *p = slv_container_of(mail, probe, mail);
    slv_shard *shard = p->server->shards[0];

    if (shard->closed || !shard->pool) {
        give_up(p);
        return;
    }
    slv_pool_warm(shard->pool, p->version, on_up, p);
}

void slv_probes_over(slv_server *server)
{
    SLV_LIST_EACH (node, &server->probes) {
        probe *p = slv_container_of(node, probe, node);

        if (!atomic_load(&p->home))
            give_up(p);
    }
}

void slv_server_probe(slv_server *server, slv_version *version,
                      void (*fn)(void *arg, const slv_probe_result *result), void *arg)
{
    probe *p = slv_new0(probe);

    *p = (probe){.mail.fn = on_shard,
                 .server = server,
                 .version = slv_version_ref(version),
                 .failure = SLV_BUF(TEXT_MAX),
                 .handlers = SLV_BUF(TEXT_MAX),
                 .fn = fn,
                 .arg = arg};
    slv_list_push(&server->probes, &p->node);
    if (server->over)
        give_up(p);
    else
        slv_loop_post(server->shards[0]->loop, &p->mail);
}
