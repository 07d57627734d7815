/* selvage pages dev: a directory of static files, its worker or functions, served and watched. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/dev.h"
#include "cli/dev_args.h"
#include "cli/project_args.h"
#include "cli/verbs.h"

#define DEFAULT_PORT 8788

static const slv_flag flags[] = {
    SLV_PROJECT_FLAGS,
    {"config", SLV_FLAG_STRING, 'c', "FILE",
     "configuration file; several run workers beside the first, which is the project's"},
    {"port", SLV_FLAG_NUMBER, 0, "PORT", "port to listen on (8788); 0 takes a free one"},
    SLV_DEV_FLAGS,
    {"binding", SLV_FLAG_LIST, 'b', "KEY=VALUE", "bind a variable"},
    {"kv", SLV_FLAG_LIST, 'k', "NAME[=ID]", "bind a KV namespace"},
    {"d1", SLV_FLAG_LIST, 0, "NAME[=ID]", "bind a D1 database"},
    {"r2", SLV_FLAG_LIST, 0, "NAME[=BUCKET]", "bind an R2 bucket"},
    {"do", SLV_FLAG_LIST, 'o', "NAME=CLASS@WORKER", "bind a class of Durable Objects"},
    {"service", SLV_FLAG_LIST, 0, "NAME=WORKER[#ENTRYPOINT]", "bind another worker"},
    {"cwd", SLV_FLAG_STRING, 0, "DIR", "run as if started there"},
    {"proxy", SLV_FLAG_REFUSED, 0, NULL,
     "the static files are served from a directory; put the build's output there"},
    {"script-path", SLV_FLAG_REFUSED, 0, NULL,
     "the worker is _worker.js in the directory of static files"},
    {"remote", SLV_FLAG_REFUSED, 'r', NULL, "selvage runs everything on this machine"},
    /* known to wrangler and of no effect here */
    {"local", SLV_FLAG_BOOL, 'l', NULL, NULL},
    {"experimental-local", SLV_FLAG_BOOL, 0, NULL, NULL},
    {"inspector-port", SLV_FLAG_NUMBER, 0, "PORT", NULL},
    {"version-metadata", SLV_FLAG_STRING, 0, "NAME", NULL},
};

typedef SLV_VEC(slv_binding) binding_list;

/* "NAME", "NAME=ID". */
static slv_code split(const char *flag, const char *text, slv_str *ret_name, slv_str *ret_value,
                      slv_err *err)
{
    slv_str s = slv_str_from(text);
    size_t equals = slv_str_chr(s, '=', 0);

    *ret_name = slv_str_sub(s, 0, equals);
    *ret_value = equals == SIZE_MAX ? SLV_STR("") : slv_str_skip(s, equals + 1);
    if (ret_name->len == 0)
        return slv_fail(err, SLV_E_INVAL, "--%s takes a name, not '%s'", flag, text);
    return SLV_OK;
}

static slv_code read_resources(const slv_args *a, const char *flag, slv_binding_type type,
                               binding_list *list, slv_err *err)
{
    const char *text;

    for (size_t i = 0; (text = slv_args_item(a, flag, i)); i++) {
        slv_binding b = {.type = type, .options = SLV_STR("{}")};

        SLV_TRY(split(flag, text, &b.name, &b.id, err));
        if (b.id.len == 0)
            b.id = b.name;
        slv_vec_push(list, b);
    }
    return SLV_OK;
}

static slv_code read_variables(const slv_args *a, binding_list *list, slv_err *err)
{
    const char *text;

    for (size_t i = 0; (text = slv_args_item(a, "binding", i)); i++) {
        slv_binding b = {.type = SLV_BINDING_TEXT};

        SLV_TRY(split("binding", text, &b.name, &b.text, err));
        slv_vec_push(list, b);
    }
    return SLV_OK;
}

static slv_code read_objects(const slv_args *a, binding_list *list, slv_err *err)
{
    const char *text;

    for (size_t i = 0; (text = slv_args_item(a, "do", i)); i++) {
        slv_binding b = {.type = SLV_BINDING_OBJECTS, .options = SLV_STR("{}")};
        slv_str what;

        SLV_TRY(split("do", text, &b.name, &what, err));
        size_t at = slv_str_chr(what, '@', 0);
        if (at == SIZE_MAX || at == 0 || at + 1 == what.len)
            return slv_fail(
                err, SLV_E_INVAL,
                "--do takes NAME=CLASS@WORKER, not '%s': the classes of Pages are those "
                "of other workers",
                text);
        b.id = slv_str_sub(what, 0, at);
        b.service = slv_str_skip(what, at + 1);
        slv_vec_push(list, b);
    }
    return SLV_OK;
}

static slv_code read_services(const slv_args *a, binding_list *list, slv_err *err)
{
    const char *text;

    for (size_t i = 0; (text = slv_args_item(a, "service", i)); i++) {
        slv_binding b = {.type = SLV_BINDING_SERVICE};

        SLV_TRY(split("service", text, &b.name, &b.service, err));
        size_t hash = slv_str_chr(b.service, '#', 0);
        if (hash != SIZE_MAX)
            b.entrypoint = slv_str_skip(b.service, hash + 1);
        b.service = slv_str_sub(b.service, 0, hash);
        if (b.service.len == 0)
            return slv_fail(err, SLV_E_INVAL, "--service takes NAME=WORKER, not '%s'", text);
        slv_vec_push(list, b);
    }
    return SLV_OK;
}

static slv_code read_bindings(const slv_args *a, binding_list *list, slv_err *err)
{
    SLV_TRY(read_variables(a, list, err));
    SLV_TRY(read_resources(a, "kv", SLV_BINDING_KV, list, err));
    SLV_TRY(read_resources(a, "d1", SLV_BINDING_D1, list, err));
    SLV_TRY(read_resources(a, "r2", SLV_BINDING_R2, list, err));
    SLV_TRY(read_objects(a, list, err));
    return read_services(a, list, err);
}

static slv_code workers(const slv_args *a, const slv_project_lists *l,
                        const slv_pages_options *pages, slv_dev_options *o, slv_err *err)
{
    const char *config = slv_args_item(a, "config", 0);

    for (size_t n = 0; n == 0 || (config = slv_args_item(a, "config", n)); n++) {
        if (n == SLV_DEV_WORKERS_MAX)
            return slv_fail(err, SLV_E_LIMIT, "more than %d configurations", SLV_DEV_WORKERS_MAX);
        slv_project_args(a, l, &o->workers[n]);
        o->workers[n].config = config;
        o->workers[n].name = n == 0 ? slv_args_string(a, "name") : NULL;
        o->worker_count = n + 1;
    }
    o->workers[0].pages = pages;
    return SLV_OK;
}

static slv_code run(const slv_args *a, slv_dev_options *o, binding_list *bindings, slv_err *err)
{
    SLV_CLEANUP(slv_project_lists_done) slv_project_lists lists = {0};
    slv_pages_options pages = {
        .directory = a->positional.len > 0 ? a->positional.items[0] : NULL,
        .build_variables = true,
    };

    SLV_TRY(slv_dev_args_begin(a, err));
    SLV_TRY(slv_project_lists_read(a, &lists, err));
    SLV_TRY(slv_dev_args_server(a, o, err));
    o->default_port = DEFAULT_PORT;
    SLV_TRY(read_bindings(a, bindings, err));
    pages.bindings = bindings->items;
    pages.binding_count = bindings->len;
    SLV_TRY(workers(a, &lists, &pages, o, err));
    return slv_dev_run(o, err);
}

static int exec(const slv_args *a)
{
    SLV_CLEANUP(slv_free) void *memory = slv_alloc0(sizeof(slv_dev_options));
    slv_dev_options *o = memory;
    binding_list bindings = {0};
    slv_err err = {0};
    slv_code code;

    o->began_ns = slv_clock_mono_ns();
    code = run(a, o, &bindings, &err);
    slv_vec_done(&bindings);
    return code == SLV_OK ? 0 : slv_cmd_fail(a->cmd, &err);
}

const slv_cmd slv_cmd_pages_dev_verb = {
    .name = "pages dev",
    .args = "[directory]",
    .usage = "run a Pages project: static files with a _worker.js or functions/",
    .flags = flags,
    .flag_count = SLV_ARRAY_LEN(flags),
    .max_positional = 1,
    .exec = exec,
};
