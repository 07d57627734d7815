/*
 * tap.h - the test harness: one program for each area, TAP 13 on stdout.
 *
 *     TEST(kv_value_expires_exactly_at_its_deadline)
 *     {
 *         SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(100);
 *         CHECK(slv_buf_append(&b, SLV_STR("x")) == SLV_OK);
 *     }
 *     TAP_MAIN()
 *
 * CHECK returns from the test when it fails, so cleanups run. TEST bodies register themselves. Run
 * with a name (or part of one) to run only those. SLV_TEST_SEED sets the seed that tap_seed()
 * gives; it is printed. test_data(NAME) gives the path of public test vectors, or skips the test,
 * saying so, when they are not on this machine.
 */
#ifndef SLV_TEST_TAP_H
#define SLV_TEST_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/rand.h"

typedef struct tap_test {
    const char *name;
    void (*run)(void);
    struct tap_test *next;
} tap_test;

void tap_register(tap_test *test);
int tap_main(int argc, char **argv);
void tap_failed(const char *file, int line, const char *fmt, ...) SLV_PRINTF(3, 4);
/* Marks the running test as skipped. */
void tap_skip(const char *fmt, ...) SLV_PRINTF(1, 2);
void tap_note(const char *fmt, ...) SLV_PRINTF(1, 2); /* "# ..." */
uint64_t tap_seed(void);
/* A fresh directory for this test program, removed at its end. */
const char *tap_tmpdir(void);
/* Reads a whole file (below 64 MiB) into out. */
bool tap_read_file(const char *path, slv_buf *out);
/* Path of shared test vector `name`, e.g. "wpt-url/urltestdata.json"; NULL (and the test marked
 * skipped) when absent. */
const char *tap_data(const char *name);

#define TEST(test_name)                                                                            \
    static void test_name(void);                                                                   \
    __attribute__((constructor)) static void tap_register_##test_name(void)                        \
    {                                                                                              \
        static tap_test self = {#test_name, test_name, NULL};                                      \
        tap_register(&self);                                                                       \
    }                                                                                              \
    static void test_name(void)

#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            tap_failed(__FILE__, __LINE__, "%s", #x);                                              \
            return;                                                                                \
        }                                                                                          \
    } while (0)
#define CHECK_INT(got, want)                                                                       \
    do {                                                                                           \
        long long got_ = (long long)(got), want_ = (long long)(want);                              \
        if (got_ != want_) {                                                                       \
            tap_failed(__FILE__, __LINE__, "%s is %lld, expected %lld", #got, got_, want_);        \
            return;                                                                                \
        }                                                                                          \
    } while (0)
#define CHECK_STR(got, want)                                                                       \
    do {                                                                                           \
        slv_str got_ = (got), want_ = (want);                                                      \
        if (!slv_str_eq(got_, want_)) {                                                            \
            tap_failed(__FILE__, __LINE__, "%s is \"%.*s\", expected \"%.*s\"", #got,              \
                       SLV_STR_ARGS(got_), SLV_STR_ARGS(want_));                                   \
            return;                                                                                \
        }                                                                                          \
    } while (0)

#define TAP_MAIN()                                                                                 \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        return tap_main(argc, argv);                                                               \
    }

#endif
