/*
 * sandbox.h - how a process of ours gives up what it must not have: the isolate's own half of the
 * sandbox.
 *
 * Threads: call from the only thread, or where helper threads of the engine exist already, from the
 * main thread: seccomp and no_new_privs are then set on all threads at once, Landlock on this one
 * and what it starts (the report says so). Irreversible. Main does not believe the report; it looks
 * for itself (slv_sandbox_verify) before it sends any user code.
 *
 * Order for an isolate (started by exec or forked by a zygote):
 *   1. prepare the engine; make the descriptors that it needs (GLib's eventfd, statm of its own)
 *   2. slv_sandbox_enter
 *   3. HELLO on the channel; main verifies; BLOBs and START follow
 *
 * Layers: rlimits, another uid when root, no_new_privs, Landlock without any rule, a seccomp
 * allow-list without open, socket and new executable pages. no_new_privs and seccomp are the floor:
 * without them slv_sandbox_enter fails. The others are used where the kernel has them. No single
 * layer is enough; docs/internals/isolates.md has the table.
 */
#ifndef SLV_SANDBOX_SANDBOX_H
#define SLV_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* The uid that isolates get when main is root: outside the ranges that distributions give to people
 * and services. */
#define SLV_SANDBOX_UID 60747
#define SLV_SANDBOX_NOFILE 2112 /* two for each object that lives in the isolate */

typedef enum slv_sandbox_mode {
    SLV_SANDBOX_ERRNO, /* an unknown system call fails with EPERM: the default */
    SLV_SANDBOX_KILL,  /* it kills the process: tests, to notice the new calls of a new library
                          version */
    SLV_SANDBOX_OFF,   /* nothing is applied: debugging only */
} slv_sandbox_mode;

typedef enum slv_sandbox_role {
    SLV_SANDBOX_ISOLATE,
    SLV_SANDBOX_APP_ZYGOTE, /* the same, and it may fork, wait, and lock its children down further
                             */
    SLV_SANDBOX_KEEPER, /* C alone: works on the files below one directory, and on nothing else */
} slv_sandbox_role;

enum { /* layers, in reports */
       SLV_SANDBOX_RLIMITS = 1,
       SLV_SANDBOX_OWN_UID = 2,
       SLV_SANDBOX_NNP = 4,
       SLV_SANDBOX_LANDLOCK = 8,
       SLV_SANDBOX_SECCOMP = 16,
       SLV_SANDBOX_PDEATH = 32,
       SLV_SANDBOX_NAMESPACES = 64, /* inherited from the zygote */
};

/* A seccomp program, built once and patched for each process (its own pid is in it). */
typedef struct slv_sandbox_filter {
    struct sock_filter *code;
    unsigned short len;
} slv_sandbox_filter;

/* SELVAGE_SANDBOX=errno|kill|off; anything else is errno. */
slv_sandbox_mode slv_sandbox_mode_env(void);

/* Builds the program with libseccomp (about a millisecond). A zygote does it before its forks. */
SLV_NODISCARD slv_code slv_sandbox_filter_build(slv_sandbox_role role, slv_sandbox_mode mode,
                                                slv_sandbox_filter *ret, slv_err *err);
void slv_sandbox_filter_done(slv_sandbox_filter *f);
SLV_DEFINE_CLEANUP_DONE(slv_sandbox_filter, slv_sandbox_filter_done);

typedef struct slv_sandbox_options {
    slv_sandbox_role role;
    slv_sandbox_mode mode;
    /* The process with whose end ours has to end (PR_SET_PDEATHSIG, then getppid is compared). 0:
     * none. */
    pid_t parent;
    uid_t uid;       /* taken when we are root; 0: SLV_SANDBOX_UID */
    const char *dir; /* KEEPER: the directory that it may work in. It keeps its uid, whose files
                        these are, and loses every capability */
    const slv_sandbox_filter *filter; /* NULL: built here */
} slv_sandbox_options;

typedef struct slv_sandbox_report {
    uint32_t layers;  /* SLV_SANDBOX_* that hold now */
    int landlock_abi; /* 0: the kernel has none */
    bool landlock_all_threads;
} slv_sandbox_report;

/* SLV_E_DENIED when the floor cannot be had, SLV_E_CANCELED when the parent is already gone. */
SLV_NODISCARD slv_code slv_sandbox_enter(const slv_sandbox_options *options,
                                         slv_sandbox_report *ret, slv_err *err);

/* No other process of our uid may read our memory, trace us or open our descriptors from now on;
 * no core is written. Main calls it, whose uid isolates share when it is not root's. */
void slv_sandbox_hide(void);

/* Of the calling thread and what it starts. A process in a user namespace of its own has every
   capability in there, and its forks keep them: a zygote that is not root calls this before it has
   a second thread. */
bool slv_sandbox_drop_capabilities(void);

/* For a program of others that works between two pipes on what strangers sent: locks this process
 * down to reading and executing that one file, once, with execveat(*ret_binary, "", ...,
 * AT_EMPTY_PATH). No network, no other file, no process; bounds of memory. seccomp is the floor. */
SLV_NODISCARD slv_code slv_sandbox_tool(pid_t parent, const char *binary, int *ret_binary,
                                        slv_err *err);

/* ---- main's half ---- */

typedef struct slv_sandbox_expect {
    slv_sandbox_mode mode;
    bool namespaces;     /* the zygote was given its own: net, ipc and pid must differ from ours */
    const char *channel; /* "socket:[123]": the only socket it may hold */
    const char *errors;  /* "pipe:[123]": the only pipe */
    /* An app zygote: the other socket it may hold; it also keeps its list of threads open. NULL: an
     * isolate. */
    const char *app_zygote;
    /* A keeper: the one file beside its directory that it may hold (the state's lock), as
     * /proc/<pid>/fd shows it. It may have the uid of main, without its capabilities. NULL: none.
     */
    const char *keeper_file;
} slv_sandbox_expect;

/* Looks at /proc/<pid>: seccomp and no_new_privs of every thread, capabilities, uid, namespaces,
   and each open descriptor. SLV_E_DENIED and a text when something is missing or held that must not
   be. The caller makes sure before and after that its pidfd still names this process. */
SLV_NODISCARD slv_code slv_sandbox_verify(pid_t pid, const slv_sandbox_expect *expect,
                                          slv_err *err);

/* Namespaces that a zygote can be given on this machine: flags for clone(2); CLONE_NEWUSER is among
   them when we are not root. The answer is found by trying once, in a child. 0: none. */
uint64_t slv_sandbox_namespaces(void);

/* Kernel features, for doctor and the start's report. */
int slv_sandbox_landlock_abi(void); /* 0: none or switched off */
/* Whether strangers' code can be kept apart here: SLV_E_DENIED names what is missing (a system call
 * filter; Landlock, by which keepers are held to their directory). A server refuses its second
 * account without it unless it is told otherwise. Tries in children: some milliseconds. */
SLV_NODISCARD slv_code slv_sandbox_floor(slv_err *err);
bool slv_sandbox_seccomp_works(void);

#endif
