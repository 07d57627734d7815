/* What people see. */
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/dev_int.h"
#include "cli/term.h"
#include "fmt/json.h"
#include "plat/stack.h"

#define TEXT_MAX ((size_t)4 << 20)

void slv_dev_warn(SLV_UNUSED void *arg, const char *text)
{
    slv_term_warn("%s", text);
}

void slv_dev_show_ready(dev *d)
{
    uint64_t ms = (slv_clock_mono_ns() - d->o->began_ns) / 1000000;

    if (d->ready)
        return;
    d->ready = true;
    slv_mem_settle();
    slv_term_news("%s⎔%s Ready on %s%s%s %s(%llu ms)%s", slv_term_color(stdout, SLV_COLOR_GREEN),
                  slv_term_color(stdout, SLV_COLOR_RESET), slv_term_color(stdout, SLV_COLOR_BOLD),
                  d->url, slv_term_color(stdout, SLV_COLOR_RESET),
                  slv_term_color(stdout, SLV_COLOR_DIM), (unsigned long long)ms,
                  slv_term_color(stdout, SLV_COLOR_RESET));
    if (d->s3_url[0])
        slv_term_news("  S3 on %s (credentials: selvage r2 credentials create)", d->s3_url);
}

static const char *binding_kind(const slv_binding *b)
{
    const slv_binding_type type = b->type;

    switch (type) {
    case SLV_BINDING_TEXT:
    case SLV_BINDING_JSON:
        return "variable";
    case SLV_BINDING_SECRET:
        return "secret";
    case SLV_BINDING_SERVICE:
        return "service";
    case SLV_BINDING_MODULE:
    case SLV_BINDING_ENV:
        return "module";
    case SLV_BINDING_UNSUPPORTED:
        return "not supported";
    case SLV_BINDING_KV:
        return slv_str_starts(b->id, SLV_STR(SLV_SECRETS_STORE_PREFIX)) ? "stored secret"
                                                                        : "KV namespace";
    case SLV_BINDING_R2:
        return "R2 bucket";
    case SLV_BINDING_D1:
        return "D1 database";
    case SLV_BINDING_OBJECTS:
        return "Durable Object";
    case SLV_BINDING_QUEUE:
        return "queue";
    case SLV_BINDING_RATELIMIT:
        return "rate limit";
    case SLV_BINDING_ANALYTICS:
        return "analytics";
    case SLV_BINDING_EMAIL:
        return "mail";
    case SLV_BINDING_LOADER:
        return "worker loader";
    case SLV_BINDING_DISPATCH:
        return "dispatch";
    case SLV_BINDING_ASSETS:
        return "assets";
    }
    return "";
}

static slv_str binding_value(const slv_binding *b)
{
    if (slv_binding_is_resource(b->type))
        return b->id;
    if (b->type == SLV_BINDING_SECRET)
        return SLV_STR("(hidden)");
    return b->type == SLV_BINDING_SERVICE ? b->service : slv_str_sub(b->text, 0, 60);
}

void slv_dev_show_bindings(const dev_worker *w)
{
    const slv_config *c = &w->project.config;

    for (size_t i = 0; i < w->project.env_files.len; i++)
        slv_term_news("Using secrets of %s", w->project.env_files.items[i]);
    if (c->bindings.len == 0)
        return;
    slv_term_news("Bindings of %s:", w->project.name);
    for (size_t i = 0; i < c->bindings.len; i++) {
        const slv_binding *b = &c->bindings.items[i];
        slv_str value = binding_value(b);

        for (size_t k = 0; k < value.len; k++) /* one line each */
            if ((unsigned char)value.ptr[k] < 0x20)
                value.len = k;
        slv_term_news("  env.%-24.*s %s%-14s%s %.*s%s%.*s", SLV_STR_ARGS(b->name),
                      slv_term_color(stdout, SLV_COLOR_DIM), binding_kind(b),
                      slv_term_color(stdout, SLV_COLOR_RESET), SLV_STR_ARGS(value),
                      b->entrypoint.len > 0 ? "#" : "", SLV_STR_ARGS(b->entrypoint));
    }
}

void slv_dev_show_request(void *user, const slv_request_line *line)
{
    if (slv_str_is(line->outcome,
                   "ok")) /* of several loops one may answer before another says that it can */
        slv_dev_show_ready(user);
    slv_term_request(line->method, line->target, line->status, line->time_us);
}

static slv_str mapped(slv_version *v, slv_str text, slv_buf *out)
{
    return slv_stack_map(v, text, out) == SLV_OK ? slv_buf_view(out) : text;
}

/* "[name] " where several workers run: which of them speaks. */
static void put_speaker(const dev *d, const slv_version *v, slv_buf *out)
{
    if (d->worker_count > 1 && slv_buf_printf(out, "[%.*s] ", SLV_STR_ARGS(v->name)) != SLV_OK)
        slv_buf_reset(out);
}

void slv_dev_show_console(void *user, const slv_console_line *line)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(TEXT_MAX), place = SLV_BUF(TEXT_MAX);
    slv_str said = line->text;

    put_speaker(user, line->version, &text);
    if (slv_stack_map(line->version, line->text, &text) == SLV_OK)
        said = slv_buf_view(&text);
    slv_term_console(line->level, said, mapped(line->version, line->place, &place));
}

/* "Name: message" and the frames; a stack mostly begins with the former. */
static slv_code put_error(slv_version *version, slv_str name, slv_str message, slv_str stack,
                          slv_buf *out)
{
    bool whole = stack.len > 0 && (name.len == 0 || slv_str_starts(stack, name));

    if (!whole) {
        SLV_TRY(slv_buf_printf(out, "%.*s%s%.*s%s", SLV_STR_ARGS(name),
                               name.len > 0 && message.len > 0 ? ": " : "", SLV_STR_ARGS(message),
                               stack.len > 0 ? "\n" : ""));
    }
    return slv_stack_map(version, stack, out);
}

void slv_dev_show_exception(void *user, const slv_exception_line *line)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(TEXT_MAX), speaker = SLV_BUF(TEXT_MAX);

    put_speaker(user, line->version, &speaker);
    if (put_error(line->version, line->name, line->message, line->stack, &text) == SLV_OK)
        slv_term_error("%.*sUncaught %.*s", SLV_STR_ARGS(slv_buf_view(&speaker)),
                       SLV_STR_ARGS(slv_buf_view(&text)));
}

slv_code slv_dev_start_failure(slv_version *version, const slv_err *err, slv_str failure,
                               slv_buf *out)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(TEXT_MAX);
    slv_node *root;

    SLV_TRY(slv_buf_append(out, SLV_STR("The worker cannot start: ")));
    if (failure.len == 0 || slv_json_parse(failure, SLV_JSON_STRICT, &arena, &root, NULL) != SLV_OK)
        return slv_buf_append(out, slv_str_from(slv_err_text(err)));
    return put_error(version, slv_node_str(slv_node_get(root, "name")),
                     slv_node_str(slv_node_get(root, "message")),
                     slv_node_str(slv_node_get(root, "stack")), out);
}

void slv_dev_show_notice(SLV_UNUSED void *user, slv_str text)
{
    if (slv_term_shows(SLV_TERM_DEBUG))
        fprintf(stderr, "selvage: %.*s\n", SLV_STR_ARGS(text));
}
