/* Code files: what passes the checks lies inside of the text, and is written back as it was. */
#include <stdlib.h>
#include <string.h>

#include "fmt/sum.h"
#include "host/code_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADER ((size_t)96)

/* Sums as they should be, so that what they guard is reached. */
static void set_sums(char *text, size_t size)
{
    uint8_t sum[SLV_SUM_MAX];
    uint64_t head = 0;

    if (size < HEADER)
        return;
    memcpy(&head, text + 24, sizeof head); /* little-endian, as the machines that fuzz are */
    if (head < HEADER || head > size)
        return;
    slv_sum_of(SLV_SUM_SHA256, slv_str_make(text + head, size - head), sum);
    memcpy(text + 64, sum, 32);
    memset(text + 32, 0, 32);
    slv_sum_of(SLV_SUM_SHA256, slv_str_make(text, head), sum);
    memcpy(text + 32, sum, 32);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    slv_code_file *f = NULL;

    memcpy(text, data, size);
    if (size > 0 && data[size - 1] & 1)
        set_sums(text, size);
    if (slv_code_file_parse(slv_str_make(text, size), true, &f, NULL) == SLV_OK) {
        SLV_CLEANUP(slv_buf_done) slv_buf again = SLV_BUF(SLV_CODE_FILE_MAX);
        slv_code_file *g = NULL;
        size_t n = slv_code_file_count(f);

        for (size_t i = 0; i < n; i++) {
            const slv_code_part *p = slv_code_file_part(f, i);

            SLV_ASSERT(p->bytes.ptr >= text && p->bytes.ptr + p->bytes.len <= text + size);
            SLV_ASSERT(p->name.ptr >= text && p->note.ptr + p->note.len <= text + size);
        }
        SLV_ASSERT(n == 0 ||
                   slv_code_file_put(slv_code_file_part(f, 0), n, &again, NULL) == SLV_OK);
        SLV_ASSERT(n == 0 || slv_code_file_parse(slv_buf_view(&again), true, &g, NULL) == SLV_OK);
        (void)slv_code_file_unref(g);
    }
    (void)slv_code_file_unref(f);
    free(text);
    return 0;
}
