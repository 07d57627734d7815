/*
 * fake_host.h - the host as the control API sees it, without engine, bundler and edge: metadata is
 * resolved as the real one does it, code is kept in memory, and what was put into effect is
 * counted. For tests of REST handlers; it stands for src/host/host.c, which is then not linked.
 *
 * A part whose text is "throws" fails like a worker that does not start.
 */
#ifndef SLV_TEST_FAKE_HOST_H
#define SLV_TEST_FAKE_HOST_H

#include "host/host.h"

struct slv_host {
    slv_loop *loop;
    slv_state *state;
    slv_str domain;
    unsigned builds, refreshes;
    char refreshed[256]; /* the last: "worker" or "namespace/worker" */
    /* Called once when the next build is under way, before it is done; then forgotten. */
    void (*meanwhile)(void *arg);
    void *meanwhile_arg;
};

#endif
