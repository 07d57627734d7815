/* Tasks of models: the first byte says which; up to a NUL a plan, behind it the text. */
#include <stdlib.h>

#include "dynamo/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char usual[] =
    "things\tten\tu\tid\tmodelPrefix\t7\tUser\tten\ni\tgsi1\tkind\tat\nu\t_uc1\temail\nf\tS\tid\n"
    "f\tS\tkind\nf\tD\tat\nf\tU\temail\nf\tI\tn\nf\tC\tc\nf\tF\tw\nf\tB\tb\nf\tX\ttags\nf\tO\to";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const slv_dynamo_origin origin = {.now_ms = 1};
    slv_str plan, text;
    int status;
    slv_str body;

    if (size == 0)
        return 0;
    text = slv_str_make(data + 1, size - 1);
    if (!slv_str_split(&text, '\0', &plan) || text.len == 0) {
        text = plan;
        plan = slv_str_from(usual);
    }
    SLV_CLEANUP(slv_dynamo_task_free)
    slv_dynamo_task *task = slv_dynamo_task_new(data[0], plan, text, &origin);
    SLV_CLEANUP(slv_dynamo_request_free)
    slv_dynamo_request *r = slv_dynamo_task_step(task, NULL);

    if (r) {
        /* There is no table: a check is not ours then, any other answer is the task's. */
        if (!slv_dynamo_request_done(r))
            slv_dynamo_request_fail(r, SLV_E_NOTFOUND);
        if (slv_dynamo_task_step(task, r))
            abort();
    }
    slv_dynamo_task_answer(task, r, &status, &body);
    if (status == 200 && data[0] != SLV_DYNAMO_TASK_CALL) /* which may be ListTables */
        abort();
    return 0;
}
