#include "support/script_rig.h"

#include <stdio.h>

#include "base/mem.h"
#include "state/kinds.h"

/* ---- the carrier ---- */

static void on_credit(void *arg, size_t n)
{
    (void)arg;
    (void)n;
}

static void on_begin(void *arg, int status, slv_str headers, int64_t length)
{
    script_answer *a = arg;

    (void)length;
    a->status = status;
    if (slv_buf_set(&a->headers, headers) != SLV_OK)
        a->status = -1;
}

static bool on_write(void *arg, slv_str bytes)
{
    return slv_buf_append(&((script_answer *)arg)->body, bytes) == SLV_OK;
}

static void on_end(void *arg)
{
    ((script_answer *)arg)->over = true;
    ((script_answer *)arg)->call = NULL;
}

static void on_abort(void *arg)
{
    ((script_answer *)arg)->status = -1;
    on_end(arg);
}

static const slv_api_carrier carrier = {on_credit, on_begin, on_write, on_end, on_abort};

/* ---- the rig ---- */

static bool is_over(void *arg)
{
    return ((script_answer *)arg)->over;
}

static slv_code run_nothing(slv_call *call, void *service, slv_err *err)
{
    (void)call;
    (void)service;
    (void)err;
    return SLV_OK;
}

static bool made;

static void on_made(slv_call *call)
{
    made = call->code == SLV_OK;
}

static bool is_made(void *arg)
{
    (void)arg;
    return made;
}

bool script_rig_open(script_rig *rig, const char *name)
{
    static slv_call call;
    const slv_state_options options = {.threads = 2};
    slv_api_options api = {.tenant = SLV_STR(RIG_ACCOUNT)};
    char dir[512];
    slv_err err;

    *rig = (script_rig){0};
    snprintf(dir, sizeof dir, "%s/%s", tap_tmpdir(), name);
    if (slv_loop_new(&rig->loop, &err) != SLV_OK ||
        slv_state_open(dir, &options, &rig->state, &err) != SLV_OK) {
        tap_failed(__FILE__, __LINE__, "%s", slv_err_text(&err));
        return false;
    }
    rig->store = slv_state_store(rig->state, &slv_catalog_store, SLV_STR(SLV_CATALOG_TENANT),
                                 SLV_STR(SLV_CATALOG_ID));
    made = false;
    call = (slv_call){.kind = SLV_CALL_WRITE, .create = true, .run = run_nothing, .done = on_made};
    slv_store_call(rig->store, rig->loop, &call);
    if (!slv_loop_run_until(rig->loop, is_made, NULL, 20000)) {
        tap_failed(__FILE__, __LINE__, "the catalog cannot be made");
        return false;
    }
    rig->host = (slv_host){.loop = rig->loop, .state = rig->state, .domain = SLV_STR("ours.test")};
    api.loop = rig->loop;
    api.state = rig->state;
    api.host = &rig->host;
    rig->api = slv_api_new(&api);
    return true;
}

void script_answer_done(script_answer *answer)
{
    slv_buf_done(&answer->headers);
    slv_buf_done(&answer->body);
}

void script_rig_done(script_rig *rig)
{
    if (rig->state)
        slv_state_forget_loop(rig->state, rig->loop);
    (void)slv_api_free(rig->api);
    (void)slv_store_unref(rig->store);
    (void)slv_state_free(rig->state);
    (void)slv_loop_free(rig->loop);
    script_answer_done(&rig->answer);
}

/* ---- calls ---- */

void script_rig_start(script_rig *rig, script_answer *answer, const char *method, const char *path,
                      const char *type, slv_str body)
{
    char target[1024], headers[256];
    bool zone = slv_str_starts(slv_str_from(path), SLV_STR("/zones"));
    slv_api_head head = {.method = slv_str_from(method), .length = (int64_t)body.len};

    snprintf(target, sizeof target, "/client/v4%s%s", zone ? "" : "/accounts/" RIG_ACCOUNT, path);
    snprintf(headers, sizeof headers, "content-type:%s\n", type);
    head.target = slv_str_from(target);
    head.headers = slv_str_from(headers);
    script_answer_done(answer);
    *answer = (script_answer){.headers = SLV_BUF(1 << 16), .body = SLV_BUF(1 << 24)};
    slv_api_call_start(rig->api, &head, &carrier, answer, &answer->call);
    if (body.len > 0 && answer->call)
        slv_api_call_body(answer->call, body, true);
}

bool script_rig_wait(script_rig *rig, script_answer *answer)
{
    return slv_loop_run_until(rig->loop, is_over, answer, 20000);
}

void script_rig_call(script_rig *rig, const char *method, const char *path, slv_str body)
{
    script_rig_start(rig, &rig->answer, method, path, "text/plain;charset=UTF-8", body);
    if (!script_rig_wait(rig, &rig->answer))
        tap_note("%s %s was not answered", method, path);
}

void script_rig_json(script_rig *rig, const char *method, const char *path, const char *json)
{
    script_rig_call(rig, method, path, slv_str_from(json));
}

void script_rig_upload(script_rig *rig, const char *method, const char *path, const char *metadata,
                       const char *text)
{
    SLV_CLEANUP(slv_buf_done) slv_buf body = SLV_BUF(1 << 22);

    if (slv_buf_printf(&body,
                       "--" RIG_BOUNDARY "\r\n"
                       "Content-Disposition: form-data; name=\"metadata\"\r\n\r\n%s\r\n"
                       "--" RIG_BOUNDARY "\r\n"
                       "Content-Disposition: form-data; name=\"main.js\"; filename=\"main.js\"\r\n"
                       "Content-Type: application/javascript+module\r\n\r\n%s\r\n"
                       "--" RIG_BOUNDARY "--\r\n",
                       metadata, text) != SLV_OK) {
        tap_failed(__FILE__, __LINE__, "the upload is too large");
        return;
    }
    script_rig_start(rig, &rig->answer, method, path, "multipart/form-data; boundary=" RIG_BOUNDARY,
                     slv_buf_view(&body));
    if (!script_rig_wait(rig, &rig->answer))
        tap_note("%s %s was not answered", method, path);
}

bool script_rig_says(script_rig *rig, int status, const char *text)
{
    script_answer *a = &rig->answer;

    if (a->over && a->status == status &&
        (!text || slv_str_find(slv_buf_view(&a->body), slv_str_from(text), 0) != SIZE_MAX))
        return true;
    tap_note("%d %.*s", a->status, SLV_STR_ARGS(slv_buf_view(&a->body)));
    return false;
}

bool script_rig_text(script_rig *rig, const char *key, unsigned occurrence, char *out, size_t cap)
{
    slv_str body = slv_buf_view(&rig->answer.body);
    char marker[64];
    size_t at = 0, end;

    snprintf(marker, sizeof marker, "\"%s\":\"", key);
    for (unsigned i = 0;; i++) {
        at = slv_str_find(body, slv_str_from(marker), at);
        if (at == SIZE_MAX)
            return false;
        at += strlen(marker);
        if (i == occurrence)
            break;
    }
    end = slv_str_chr(body, '"', at);
    snprintf(out, cap, "%.*s", SLV_STR_ARGS(slv_str_sub(body, at, end)));
    return true;
}
