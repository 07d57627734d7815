#include "base/attr.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/replay.h"
#include "cli/verbs.h"

#define FILE_MAX ((size_t)1 << 30)

static void print_note(SLV_UNUSED void *user, const char *line)
{
    printf("%s\n", line);
}

static int replay_exec(const slv_args *args)
{
    SLV_CLEANUP(slv_buf_done) slv_buf file = SLV_BUF(FILE_MAX);
    uint64_t began = slv_clock_mono_ns();
    slv_replay_result r;
    slv_err err = {0};

    if (args->positional.len == 0) {
        slv_fail(&err, SLV_E_INVAL, "name a file that 'selvage dev --record FILE' has written");
        return slv_cmd_fail(args->cmd, &err);
    }
    if (slv_file_read(args->positional.items[0], &file, &err) != SLV_OK ||
        slv_replay(slv_buf_view(&file), print_note, NULL, &r, &err) != SLV_OK)
        return slv_cmd_fail(args->cmd, &err);
    printf("replayed %zu events in %llu ms: %zu frames, %zu different, %zu with other content\n",
           r.events, (unsigned long long)((slv_clock_mono_ns() - began) / 1000000), r.frames,
           r.different, r.changed);
    return r.different > 0 ? 1 : 0;
}

const slv_cmd slv_cmd_replay_verb = {
    .name = "replay",
    .args = "FILE",
    .usage = "play a recorded isolate again and compare its answers",
    .max_positional = 1,
    .exec = replay_exec,
};
