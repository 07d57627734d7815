/*
 * pool_isolate.h - an isolate that does what the test says. The test program itself is it (role
 * __isolate): it locks itself down and speaks the channel as the real one does, and what it does in
 * an event is the event's cron text, what it does at START is its script.
 */
#ifndef SLV_TEST_POOL_ISOLATE_H
#define SLV_TEST_POOL_ISOLATE_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "chan/frame.h"
#include "chan/msg.h"
#include "chan/page.h"
#include "sandbox/sandbox.h"
#include "support/pool_rig.h"

static slv_page *page;

static void put(slv_buf *out)
{
    size_t at = 0;

    while (at < out->len) {
        ssize_t n = write(SLV_CHANNEL_FD, out->ptr + at, out->len - at);

        if (n <= 0)
            _exit(0);
        at += (size_t)n;
    }
    slv_buf_reset(out);
}

static void put_frame(slv_frame_type type, uint32_t id, slv_str payload)
{
    slv_buf out = SLV_BUF((size_t)1 << 20);

    if (slv_frame_put(&out, type, 0, id, payload) != SLV_OK)
        _exit(9);
    put(&out);
    slv_buf_done(&out);
}

static void put_end(uint32_t event)
{
    slv_buf b = SLV_BUF(1000);
    slv_msg_end m = {.outcome = SLV_OUTCOME_OK, .cpu_us = 7};

    if (slv_msg_end_put(&b, &m) != SLV_OK)
        _exit(9);
    put_frame(SLV_FRAME_END, event, slv_buf_view(&b));
    slv_buf_done(&b);
}

static void spin_ms(uint64_t ms)
{
    uint64_t end = slv_clock_thread_cpu_ns() + ms * 1000000;

    while (slv_clock_thread_cpu_ns() < end)
        ;
}

static void grow(size_t megabytes, bool keep)
{
    for (size_t i = 0; i < megabytes; i++) {
        char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
            _exit(8);
        memset(p, 1, 1 << 20);
        if (!keep)
            munmap(p, 1 << 20);
        spin_ms(1); /* so that it takes some time, as in an engine */
    }
}

static void grow_fast(size_t megabytes)
{
    char *p =
        mmap(NULL, megabytes << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        _exit(8);
    memset(p, 1, megabytes << 20);
}

static void flood(void)
{
    slv_buf line = SLV_BUF(100000);
    char junk[60000];
    slv_msg_log log = {.level = SLV_CONSOLE_LOG, .text = slv_str_make(junk, sizeof junk)};

    memset(junk, 'x', sizeof junk);
    if (slv_msg_log_put(&line, &log) != SLV_OK)
        _exit(9);
    for (;;) /* log lines of an event, as fast as they go */
        put_frame(SLV_FRAME_LOG, 1, slv_buf_view(&line));
}

/* True when END is to be sent. */
static bool act(slv_str what)
{
    static const unsigned char forged[] = {0xff, 0xff, 0xff, 0x7f, 6, 0, 1, 1, 1, 0, 0, 0};

    if (slv_str_is(what, "hold"))
        return false;
    if (slv_str_is(what, "spin"))
        spin_ms(600000);
    else if (slv_str_is(what, "work"))
        spin_ms(40);
    else if (slv_str_is(what, "tiny"))
        spin_ms(2);
    else if (slv_str_is(what, "crash"))
        raise(SIGABRT);
    else if (slv_str_is(what, "exit"))
        _exit(3);
    else if (slv_str_is(what, "close"))
        for (close(SLV_CHANNEL_FD);;)
            (void)poll(NULL, 0, 1000);
    else if (slv_str_is(what, "grow"))
        grow(400, true);
    else if (slv_str_is(what, "some"))
        grow(60, true);
    else if (slv_str_is(what, "burst")) {
        grow(110, true);
        spin_ms(20); /* seen above the soft mark */
        grow_fast(40);
    } else if (slv_str_is(what, "churn"))
        grow(400, false);
    else if (slv_str_is(what, "flood"))
        flood();
    else if (slv_str_is(what, "forge"))
        put(&(slv_buf){(char *)(size_t)forged, sizeof forged, sizeof forged, sizeof forged});
    else if (slv_str_is(what, "again"))
        put_frame(SLV_FRAME_START_FAILED, 0, SLV_STR("\2\0\0\0{}"));
    else if (slv_str_is(what, "event"))
        put_frame(SLV_FRAME_EVENT, 1, SLV_STR("\2"));
    return true;
}

static void on_start(slv_str script)
{
    slv_buf b = SLV_BUF(1000);
    slv_msg_ready ready = {.cpu_us = 100, .json = SLV_STR("{\"handlers\":[\"scheduled\"]}")};

    if (slv_str_is(script, "fail")) {
        if (slv_msg_str_put(&b, SLV_STR("{\"name\":\"Error\",\"message\":\"no\"}")) != SLV_OK)
            _exit(9);
        put_frame(SLV_FRAME_START_FAILED, 0, slv_buf_view(&b));
    } else if (act(script)) {
        if (slv_str_is(script, "slow"))
            ready.cpu_us = 2000000;
        if (slv_msg_ready_put(&b, &ready) != SLV_OK)
            _exit(9);
        put_frame(SLV_FRAME_READY, 0, slv_buf_view(&b));
    }
    slv_buf_done(&b);
}

static void on_message(const slv_frame *f, slv_buf *script)
{
    slv_msg_event event;

    if (f->type == SLV_FRAME_BLOB && f->id == 1 && slv_buf_append(script, f->payload) != SLV_OK)
        _exit(9);
    if (f->type == SLV_FRAME_START)
        on_start(slv_buf_view(script));
    if (f->type == SLV_FRAME_STOP)
        _exit(0);
    if (f->type != SLV_FRAME_EVENT)
        return;
    if (slv_msg_event_get(f->payload, &event) != SLV_OK)
        _exit(7);
    atomic_store(&page->event, f->id);
    atomic_store(&page->last, f->id);
    atomic_fetch_add(&page->turn, 1);
    if (act(event.scheduled.cron))
        put_end(f->id);
    atomic_store(&page->event, 0);
}

static int isolate_main(pid_t parent)
{
    slv_sandbox_options options = {.mode = slv_sandbox_mode_env(), .parent = parent};
    slv_sandbox_report report;
    slv_frame_reader reader;
    slv_buf script = SLV_BUF((size_t)1 << 20);
    char hello[4] = {SLV_CHAN_VERSION};
    slv_err err;

    page = mmap(NULL, SLV_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, SLV_PAGE_FD, 0);
    if (page == MAP_FAILED || ftruncate(SLV_PAGE_FD, 0) == 0) /* sealed: main's mapping is safe */
        return 5;
    if (!getenv("SELVAGE_TEST_NAKED") && slv_sandbox_enter(&options, &report, &err) != SLV_OK) {
        fprintf(stderr, "%s\n", slv_err_text(&err));
        return 4;
    }
    put_frame(SLV_FRAME_HELLO, 0, slv_str_make(hello, 4));
    slv_frame_reader_init(&reader, SLV_CHAN_MAIN);
    for (;;) {
        slv_frame f;
        char *room;
        size_t size;
        ssize_t n;

        while (slv_frame_reader_next(&reader, &f, NULL) == SLV_OK)
            on_message(&f, &script);
        if (slv_frame_reader_room(&reader, 65536, &room, &size) != SLV_OK)
            return 6;
        n = read(SLV_CHANNEL_FD, room, size);
        if (n <= 0)
            return 0;
        slv_frame_reader_got(&reader, (size_t)n);
    }
}

#endif
