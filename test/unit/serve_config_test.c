/* selvage.toml, listeners, what processes of a server say to each other. */
#include "daemon/config.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/daemon_int.h"
#include "daemon/directory.h"
#include "daemon/first.h"
#include "support/tap.h"

static slv_code parse(const char *text, slv_serve_config *c, slv_err *err)
{
    return slv_serve_config_parse(slv_str_from(text), "/etc/selvage.toml", c, err);
}

static bool fails(const char *text, const char *message)
{
    slv_serve_config c;
    slv_err err = {0};

    if (parse(text, &c, &err) == SLV_OK) {
        slv_serve_config_done(&c);
        return false;
    }
    if (strcmp(slv_err_text(&err), message) != 0)
        tap_note("%s", slv_err_text(&err));
    return strcmp(slv_err_text(&err), message) == 0;
}

TEST(every_table_is_read)
{
    SLV_CLEANUP(slv_serve_config_done) slv_serve_config c = {0};
    slv_err err = {0};

    CHECK(parse("data = 'state'\ncolo = 'ABCDEFGH'\ndomain = 'example.com'\nlisten = [':80', "
                "'[::1]:81']\nloops = 4\n"
                "[tls]\nlisten = ':443'\ncertificates = '/certs'\nredirect = true\n"
                "[proxy]\ntrusted = ['10.0.0.0/8']\n[limits]\naccount-isolates = 7\n"
                "[logs]\nformat = 'json'\n[otlp]\nheaders = ['a: b']\n",
                &c, &err) == SLV_OK);
    CHECK_STR(c.data, SLV_STR("/etc/state"));
    CHECK_STR(c.tls_certificates, SLV_STR("/certs"));
    CHECK_INT(c.listen.count, 2);
    CHECK_STR(c.listen.items[1], SLV_STR("[::1]:81"));
    CHECK_INT(c.tls_listen.count, 1);
    CHECK_INT(c.loops, 4);
    CHECK(c.tls_redirect);
    CHECK_INT(c.account_isolates, 7);
    CHECK_STR(c.log_format, SLV_STR("json"));
}

TEST(what_is_not_said_has_defaults)
{
    SLV_CLEANUP(slv_serve_config_done) slv_serve_config c = {0};
    slv_err err = {0};

    CHECK(slv_serve_config_load(NULL, &c, &err) == SLV_OK);
    CHECK_INT(c.loops, 1);
    CHECK_INT(c.drain_seconds, 30);
    CHECK_STR(c.domain, SLV_STR("localhost"));
    CHECK_STR(c.colo, SLV_STR("SLV"));
    CHECK_INT(c.listen.count, 0);
    slv_serve_config missing;
    CHECK(slv_serve_config_load("/nowhere/selvage.toml", &missing, &err) == SLV_E_NOTFOUND);
}

TEST(mistakes_are_named_with_their_place)
{
    CHECK(fails("loops = 1\nlissten = ':80'\n",
                "/etc/selvage.toml:2:1: there is no key 'lissten'; did you mean 'listen'?"));
    CHECK(fails("[tls]\ncertifcates = 'x'\n", "/etc/selvage.toml:2:1: there is no key "
                                              "'tls.certifcates'; did you mean 'certificates'?"));
    CHECK(fails("[tsl]\nlisten = 'x'\n",
                "/etc/selvage.toml:1:2: there is no key 'tsl'; did you mean 'tls'?"));
    CHECK(
        fails("loops = 'two'\n", "/etc/selvage.toml:1:9: loops is a string; a number is expected"));
    CHECK(fails("loops = 65\n", "/etc/selvage.toml:1:9: loops is 65; a whole number from 1 to 64 "
                                "is expected"));
    CHECK(fails("loops = 0\n", "/etc/selvage.toml:1:9: loops is 0; a whole number from 1 to 64 is "
                               "expected"));
    CHECK(fails("[logs]\nrequests = 1\n",
                "/etc/selvage.toml:2:12: logs.requests is a number; true or false is expected"));
    CHECK(fails("listen = [1]\n", "/etc/selvage.toml:1:11: listen is a number; an array of strings "
                                  "is expected"));
    CHECK(fails("[logs]\nformat = 'jsn'\n", "/etc/selvage.toml:2:10: logs.format is not 'jsn'; did "
                                            "you mean 'json'?"));
    CHECK(fails("colo = 'ABCDEFGHI'\n",
                "/etc/selvage.toml:1:8: colo is 'ABCDEFGHI'; 2 to 8 capital letters or digits are "
                "expected"));
    CHECK(fails("colo = 'A'\n", "/etc/selvage.toml:1:8: colo is 'A'; 2 to 8 capital letters or "
                                "digits are expected"));
    CHECK(fails("colo = 'f\"A'\n", "/etc/selvage.toml:1:8: colo is 'f\"A'; 2 to 8 capital "
                                   "letters or digits are expected"));
    CHECK(fails("tls = 1\n", "/etc/selvage.toml:1:7: tls is a number; a table is expected"));
    slv_serve_config c;
    slv_err err = {0};
    CHECK(parse("loops = \n", &c, &err) == SLV_E_PARSE);
    CHECK(strncmp(slv_err_text(&err), "/etc/selvage.toml:1:", 20) == 0);
}

TEST(a_list_has_so_many_entries_and_no_more)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(8192);
    slv_serve_config c;
    slv_err err = {0};

    for (int n = SLV_SERVE_LIST_MAX; n <= SLV_SERVE_LIST_MAX + 1; n++) {
        slv_buf_reset(&text);
        CHECK(slv_buf_append(&text, SLV_STR("listen = [")) == SLV_OK);
        for (int i = 0; i < n; i++)
            CHECK(slv_buf_append(&text, SLV_STR("'x',")) == SLV_OK);
        CHECK(slv_buf_append(&text, SLV_STR("]\n")) == SLV_OK && slv_buf_cstr(&text));
        slv_code code = parse(text.ptr, &c, &err);
        CHECK_INT(code, n == SLV_SERVE_LIST_MAX ? SLV_OK : SLV_E_LIMIT);
        if (code == SLV_OK)
            slv_serve_config_done(&c);
    }
}

TEST(listeners_are_opened_and_named_for_another_process)
{
    SLV_CLEANUP(slv_serve_config_done) slv_serve_config c = {0};
    SLV_CLEANUP(slv_listeners_close) slv_listeners l = {0};
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(256);
    slv_listeners taken = {0};
    slv_err err = {0};
    char address[128];

    CHECK(parse("listen = '127.0.0.1:0'\ncontrol_listen = '0'\n", &c, &err) == SLV_OK);
    CHECK(slv_listeners_open(&c, &l, &err) == SLV_OK);
    CHECK_INT(l.count, 2);
    slv_listener_address(slv_listeners_first(&l, SLV_LISTENER_HTTP), address);
    CHECK(strncmp(address, "127.0.0.1:", 10) == 0);
    CHECK(slv_listener_port(l.items[0].fd) != 0);
    CHECK_INT(slv_listeners_first(&l, SLV_LISTENER_HTTPS), -1);
    CHECK(slv_listeners_put(&l, &text) == SLV_OK);
    CHECK_STR(slv_buf_view(&text), SLV_STR("control,http"));
    CHECK(slv_listeners_take(slv_buf_view(&text), 100, &taken, &err) == SLV_OK);
    CHECK_INT(taken.count, 2);
    CHECK_INT(taken.items[1].fd, 101);
    CHECK_INT(taken.items[0].kind, SLV_LISTENER_CONTROL);
}

TEST(an_address_in_use_is_named)
{
    SLV_CLEANUP(slv_serve_config_done) slv_serve_config c = {0};
    SLV_CLEANUP(slv_listeners_close) slv_listeners l = {0}, again = {0};
    slv_err err = {0};
    char address[128], want[200];

    CHECK(parse("listen = '127.0.0.1:0'\ncontrol_listen = '0'\n", &c, &err) == SLV_OK);
    CHECK(slv_listeners_open(&c, &l, &err) == SLV_OK);
    slv_listener_address(slv_listeners_first(&l, SLV_LISTENER_HTTP), address);
    c.listen.items[0] = slv_str_from(address);
    CHECK(slv_listeners_open(&c, &again, &err) == SLV_E_EXISTS);
    snprintf(want, sizeof want, "cannot listen on %s: Address already in use", address);
    CHECK_STR(slv_str_from(slv_err_text(&err)), slv_str_from(want));
    c.listen.items[0] = SLV_STR("::1:80");
    CHECK(slv_listeners_open(&c, &again, &err) == SLV_E_INVAL);
    c.listen.items[0] = SLV_STR("127.0.0.1:65536");
    CHECK(slv_listeners_open(&c, &again, &err) == SLV_E_INVAL);
}

TEST(a_directory_has_one_supervisor)
{
    char dir[600], want[900];
    slv_err err = {0};
    int one, two;

    snprintf(dir, sizeof dir, "%s/a/b", tap_tmpdir());
    CHECK(slv_directory_take(slv_str_from(dir), false, &one, &err) == SLV_OK);
    CHECK(slv_directory_take(slv_str_from(dir), false, &two, &err) == SLV_E_STATE);
    snprintf(want, sizeof want, "%s is served already, by process %d;", dir, (int)getpid());
    CHECK(strncmp(slv_err_text(&err), want, strlen(want)) == 0);
    CHECK(slv_directory_settle(slv_str_from(dir), 0, &err) == SLV_OK);
    close(one);
    CHECK(slv_directory_take(slv_str_from(dir), false, &two, &err) == SLV_OK);
    close(two);
}

TEST(a_key_is_made_once)
{
    uint8_t one[SLV_STATE_KEY_LEN], two[SLV_STATE_KEY_LEN];
    slv_err err = {0};
    char path[600];

    CHECK(slv_state_key(tap_tmpdir(), one, &err) == SLV_OK);
    CHECK(slv_state_key(tap_tmpdir(), two, &err) == SLV_OK);
    CHECK(memcmp(one, two, sizeof one) == 0);
    snprintf(path, sizeof path, "%s/secret.key", tap_tmpdir());
    CHECK(truncate(path, 31) == 0);
    CHECK(slv_state_key(tap_tmpdir(), two, &err) == SLV_E_STATE);
    CHECK(unlink(path) == 0);
}

TEST(roles_are_told_and_understood)
{
    slv_daemon_options o = {0};
    slv_err err = {0};

    CHECK(slv_daemon_role_parse(SLV_STR("next:control,http"), &o, &err) == SLV_OK);
    CHECK_INT(o.role, SLV_DAEMON_NEXT);
    CHECK_STR(o.handed, SLV_STR("control,http"));
    CHECK(slv_daemon_role_parse(SLV_STR("adopter:"), &o, &err) == SLV_OK);
    CHECK_INT(o.handed.len, 0);
    CHECK(slv_daemon_role_parse(SLV_STR("first:http"), &o, &err) == SLV_E_INVAL);
    CHECK(slv_daemon_role_parse(SLV_STR("main"), &o, &err) == SLV_E_INVAL);
}

typedef struct heard {
    slv_link link;
    slv_loop *loop;
    char text[200];
    int fd, count;
} heard;

static void on_said(slv_link *link, slv_str word, slv_str rest, int fd)
{
    heard *h = slv_container_of(link, heard, link);

    h->count++;
    h->fd = fd;
    snprintf(h->text, sizeof h->text, "%.*s|%.*s", SLV_STR_ARGS(word), SLV_STR_ARGS(rest));
}

static bool has_heard(void *arg)
{
    return ((heard *)arg)->count > 0;
}

TEST(a_link_keeps_messages_apart_and_tells_its_end)
{
    SLV_CLEANUP(slv_loop_free) slv_loop *loop = NULL;
    heard h = {.link.said = on_said};
    slv_link other = {.fd = -1};
    slv_err err = {0};
    int ends[2], null;

    CHECK(slv_loop_new(&loop, &err) == SLV_OK);
    CHECK(slv_link_pair(ends, &err) == SLV_OK);
    CHECK(slv_link_start(&h.link, loop, ends[0], &err) == SLV_OK);
    other.fd = ends[1];
    slv_link_say(&other, "failed the disk is %s", "full");
    CHECK(slv_loop_run_until(loop, has_heard, &h, 5000));
    CHECK_STR(slv_str_from(h.text), SLV_STR("failed|the disk is full"));
    CHECK_INT(h.fd, -1);
    h.count = 0;
    slv_link_say_fd(&other, "release", STDOUT_FILENO);
    CHECK(slv_loop_run_until(loop, has_heard, &h, 5000));
    CHECK_STR(slv_str_from(h.text), SLV_STR("release|"));
    null = h.fd;
    CHECK(null > 2);
    close(null);
    h.count = 0;
    close(ends[1]);
    CHECK(slv_loop_run_until(loop, has_heard, &h, 5000));
    CHECK_STR(slv_str_from(h.text), SLV_STR("|"));
    CHECK_INT(h.link.fd, -1);
}

TAP_MAIN()
