#include "support/fake_host.h"

#include <stdio.h>

#include "aio/strand.h"
#include "base/mem.h"
#include "base/rand.h"
#include "host/metadata.h"

slv_host *slv_host_free(slv_host *host)
{
    (void)host;
    return NULL;
}

slv_str slv_host_domain(const slv_host *host)
{
    return host->domain;
}

slv_asset_store *slv_host_assets(slv_host *host)
{
    (void)host;
    return NULL;
}

slv_built *slv_built_free(slv_built *b)
{
    if (!b)
        return NULL;
    slv_arena_done(&b->arena);
    free(b);
    return NULL;
}

/* ---- what was uploaded, for whoever asks for it again ---- */

#define KEPT_MAX 64

static struct kept {
    char code[33];
    char *name, *type, *body;
    size_t len;
} kept[KEPT_MAX];
static size_t kept_count;

slv_code slv_host_modules(const slv_host *host, slv_str account, slv_str code, slv_arena *arena,
                          slv_upload_part **ret, size_t *ret_count, slv_str *ret_main, slv_err *err)
{
    slv_upload_part *parts = slv_arena_try_alloc0(arena, KEPT_MAX * sizeof *parts);
    size_t n = 0;

    (void)host;
    (void)account;
    for (size_t i = 0; i < kept_count; i++)
        if (slv_str_is(code, kept[i].code))
            parts[n++] = (slv_upload_part){slv_str_from(kept[i].name), slv_str_from(kept[i].type),
                                           slv_str_make(kept[i].body, kept[i].len)};
    if (n == 0)
        return slv_fail(err, SLV_E_NOTFOUND, "no such code file");
    *ret = parts;
    *ret_count = n;
    *ret_main = parts[0].name;
    return SLV_OK;
}

static void keep_part(const char *code, const slv_upload_part *p)
{
    struct kept *k = &kept[kept_count++ % KEPT_MAX];

    snprintf(k->code, sizeof k->code, "%s", code);
    k->name = slv_strndup(p->name.ptr, p->name.len);
    k->type = slv_strndup(p->type.ptr, p->type.len);
    k->body = slv_strndup(p->body.ptr ? p->body.ptr : "", p->body.len);
    k->len = p->body.len;
}

__attribute__((destructor)) static void forget_parts(void)
{
    for (size_t i = 0; i < kept_count && i < KEPT_MAX; i++) {
        free(kept[i].name);
        free(kept[i].type);
        free(kept[i].body);
    }
}

/* ---- building ---- */

typedef struct build {
    slv_job job;
    slv_host *host;
    const slv_upload *upload;
    slv_build_done done;
    void *arg;
    slv_built *built;
    slv_fault fault;
} build;

static slv_code resolve(build *b)
{
    const slv_upload *u = b->upload;
    const slv_resolve in = {
        .metadata = u->metadata,
        .previous_metadata = u->previous ? u->previous->metadata : SLV_STR(""),
        .previous_secrets = u->previous ? u->previous->secrets : SLV_STR(""),
        .objects = u->row ? u->row->objects : SLV_STR(""),
        .migration_tag = u->row ? u->row->migration_tag : SLV_STR(""),
        .strict = u->inherit_strict,
        .today = "2026-06-01",
    };
    slv_version_row *v = &b->built->version;
    slv_resolved out;
    char code[33];

    SLV_TRY(slv_metadata_resolve(&in, &b->built->arena, &out, &b->fault));
    for (size_t i = 0; i < u->part_count; i++)
        if (slv_str_is(u->parts[i].body, "throws"))
            return slv_fault_set(&b->fault, 10021, "Uncaught Error: boom\n    at %.*s:1:7",
                                 SLV_STR_ARGS(u->parts[i].name));
    v->metadata = out.metadata;
    v->secrets = out.secrets;
    b->built->objects = out.objects;
    b->built->migration_tag = out.migration_tag;
    v->handlers = SLV_STR("[\"fetch\"]");
    v->startup_ms = 3;
    if (u->keep_code) {
        SLV_TRY(slv_arena_dup(&b->built->arena, u->previous->code, &v->code));
        return slv_arena_dup(&b->built->arena, u->previous->etag, &v->etag);
    }
    snprintf(code, sizeof code, "%016llx%016llx", (unsigned long long)slv_rand_u64(),
             (unsigned long long)slv_rand_u64());
    for (size_t i = 0; i < u->part_count; i++)
        keep_part(code, &u->parts[i]);
    SLV_TRY(slv_arena_dup(&b->built->arena, slv_str_from(code), &v->code));
    v->etag = v->code;
    return SLV_OK;
}

static void run_nothing(slv_job *job)
{
    (void)job;
}

static void on_build(slv_job *job)
{
    build *b = slv_container_of(job, build, job);
    slv_build_error error;

    b->host->builds++;
    slv_fault_init(&b->fault);
    b->built = slv_new0(slv_built);
    b->built->arena = SLV_ARENA((size_t)16 << 20);
    if (b->host->meanwhile) {
        void (*fn)(void *arg) = b->host->meanwhile;

        b->host->meanwhile = NULL;
        fn(b->host->meanwhile_arg);
    }
    if (resolve(b) == SLV_OK) {
        b->done(b->arg, SLV_STEAL(b->built), NULL);
    } else {
        error = (slv_build_error){b->fault.status, b->fault.code, slv_buf_view(&b->fault.text)};
        b->done(b->arg, NULL, &error);
    }
    (void)slv_built_free(b->built);
    slv_fault_done(&b->fault);
    free(b);
}

void slv_host_build(slv_host *host, const slv_upload *upload, slv_build_done done, void *arg)
{
    build *b = slv_new0(build);

    *b = (build){.job = {.run = run_nothing, .done = on_build},
                 .host = host,
                 .upload = upload,
                 .done = done,
                 .arg = arg};
    slv_state_work(host->state, host->loop, &b->job);
}

/* ---- putting into effect ---- */

typedef struct refresh {
    slv_job job;
    void (*done)(void *arg, const slv_err *err);
    void *arg;
} refresh;

static void on_refresh(slv_job *job)
{
    refresh *r = slv_container_of(job, refresh, job);

    if (r->done)
        r->done(r->arg, NULL);
    free(r);
}

void slv_host_refresh(slv_host *host, slv_str account, slv_str worker, slv_str dispatch,
                      void (*done)(void *arg, const slv_err *err), void *arg)
{
    refresh *r = slv_new0(refresh);

    (void)account;
    host->refreshes++;
    snprintf(host->refreshed, sizeof host->refreshed, "%.*s%s%.*s", SLV_STR_ARGS(dispatch),
             dispatch.len > 0 ? "/" : "", SLV_STR_ARGS(worker));
    *r = (refresh){.job = {.run = run_nothing, .done = on_refresh}, .done = done, .arg = arg};
    slv_state_work(host->state, host->loop, &r->job);
}
