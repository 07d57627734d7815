/* The state of a session: opened before anything is served, and reached by verbs through its
 * socket. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/dev_int.h"
#include "cli/term.h"

#define DEFAULT_STATE ".selvage/state"
/* The children of a session that was killed end a moment after it. */
#define LOCK_WAIT_MS 2000
/* Calls of verbs end by themselves; one that does not in this time is left. */
#define END_MS 10000

static char *state_dir(const dev *d)
{
    if (d->o->persist_to) {
        SLV_CLEANUP(slv_charp_free) char *cwd = getcwd(NULL, 0);

        return slv_path_join(cwd ? cwd : "/", slv_str_from(d->o->persist_to));
    }
    return slv_path_join(d->workers[0].project.home ? d->workers[0].project.home : ".",
                         SLV_STR(DEFAULT_STATE));
}

/* .selvage is ours and no part of the project: git passes over it. */
static void hide_from_git(const char *dir)
{
    SLV_CLEANUP(slv_charp_free) char *above = slv_path_dir(dir);
    SLV_CLEANUP(slv_charp_free) char *file = NULL;
    int fd;

    if (strcmp(slv_path_base(above), ".selvage") != 0)
        return;
    if (asprintf(&file, "%s/.gitignore", above) < 0) {
        file = NULL;
        return;
    }
    fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return; /* there already, or not to be written: no harm */
    if (write(fd, "*\n", 2) != 2)
        unlink(file);
    close(fd);
}

static bool has_stores(const dev *d)
{
    for (size_t i = 0; i < d->worker_count; i++) {
        const slv_config *c = &d->workers[i].project.config;

        for (size_t k = 0; d->workers[i].loaded && k < c->bindings.len; k++)
            if (slv_binding_is_resource(c->bindings.items[k].type))
                return true;
    }
    return false;
}

static slv_code open_socket(dev *d, const char *dir, slv_err *err)
{
    const slv_api_options api = {
        .loop = d->loop, .state = d->state, .server = d->server, .base_url = d->url};
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(dir, SLV_STR(SLV_API_SOCKET));

    d->api = slv_api_new(&api);
    return slv_api_http_new(d->api, slv_str_from(path), &d->api_http, err);
}

/* S3 on a port of its own, for clients that want it at the root of a host. */
static slv_code open_s3(dev *d, slv_err *err)
{
    slv_err why = {0};
    uint16_t port;
    slv_code code = slv_s3_listen(d->s3, d->loop, SLV_STR("localhost"), (uint16_t)d->o->s3_port,
                                  &d->s3_listener, &port, &why);

    if (code != SLV_OK)
        return slv_fail(err, code, "S3 cannot listen: %s", slv_err_text(&why));
    (void)snprintf(d->s3_url, sizeof d->s3_url, "http://localhost:%u", port);
    return SLV_OK;
}

static slv_str text_of(slv_config *c, const char *name)
{
    const slv_binding *b = slv_config_binding(c, slv_str_from(name));

    return b && (b->type == SLV_BINDING_TEXT || b->type == SLV_BINDING_SECRET) ? b->text
                                                                               : SLV_STR_NULL;
}

/* The tables, and whose signatures they take: those of the project's variables too. */
static void open_tables(dev *d)
{
    slv_str mode = d->workers[0].project.config.dev.dynamodb;
    const slv_dynamo_face_options face = {.state = d->state, .remote = slv_str_is(mode, "remote")};

    d->tables = slv_dynamo_face_new(&face);
    const slv_dynamo_http_options http = {.face = d->tables, .verify = slv_str_is(mode, "verify")};
    d->tables_http = slv_dynamo_http_new(&http);
    for (size_t i = 0; i < d->worker_count; i++) {
        slv_config *c = &d->workers[i].project.config;
        slv_str id = text_of(c, "AWS_ACCESS_KEY_ID");
        slv_str secret = text_of(c, "AWS_SECRET_ACCESS_KEY");

        if (d->workers[i].loaded && id.len > 0 && secret.len > 0)
            slv_dynamo_http_add_key(d->tables_http, id, secret);
    }
}

slv_code slv_dev_state_open(dev *d, slv_err *err)
{
    const slv_state_options options = {.control = d->loop, .lock_wait_ms = LOCK_WAIT_MS};
    SLV_CLEANUP(slv_charp_free) char *dir = state_dir(d);
    slv_err why = {0};
    slv_code code = slv_state_open(dir, &options, &d->state, &why);

    if (code == SLV_E_STATE && !has_stores(d)) {
        slv_term_warn("%s; this session runs without stores", slv_err_text(&why));
        return SLV_OK;
    }
    if (code != SLV_OK)
        return slv_fail(err, code, "%s", slv_err_text(&why));
    hide_from_git(dir);
    const slv_s3_options s3 = {.state = d->state};
    d->s3 = slv_s3_new(&s3);
    open_tables(d);
    return SLV_OK;
}

bool slv_dev_state_take(void *arg, slv_loop *loop, slv_exchange *ex)
{
    dev *d = arg;

    return slv_dynamo_http_take(d->tables_http, loop, ex) || slv_s3_take(d->s3, loop, ex);
}

slv_code slv_dev_state_listen(dev *d, slv_err *err)
{
    if (!d->state)
        return SLV_OK;
    SLV_CLEANUP(slv_charp_free) char *dir = state_dir(d);
    SLV_TRY(open_socket(d, dir, err));
    return d->o->s3_port >= 0 ? open_s3(d, err) : SLV_OK;
}

static bool answered(void *arg)
{
    return slv_api_open_calls(arg) == 0;
}

void slv_dev_state_hang_up(dev *d)
{
    d->api_http = slv_api_http_free(d->api_http);
    d->s3_listener = slv_s3_listener_free(d->s3_listener);
    if (d->api && slv_loop_run_until(d->loop, answered, d->api, END_MS))
        d->api = slv_api_free(d->api);
}

void slv_dev_state_close(dev *d)
{
    if (d->state)
        slv_state_forget_loop(d->state, d->loop);
    d->s3 = slv_s3_free(d->s3);
    d->tables_http = slv_dynamo_http_free(d->tables_http);
    d->tables = slv_dynamo_face_free(d->tables);
    d->state = slv_state_free(d->state);
}
