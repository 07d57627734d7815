#include "fmt/suggest.h"

#include "base/attr.h"

static char fold(char c)
{
    return c == '_' ? '-' : slv_ascii_lower(c);
}

size_t slv_edit_distance(slv_str a, slv_str b)
{
    size_t rows[3][SLV_SUGGEST_WORD_MAX + 1];

    if (a.len > SLV_SUGGEST_WORD_MAX || b.len > SLV_SUGGEST_WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            char x = fold(a.ptr[i - 1]), y = fold(b.ptr[j - 1]);
            size_t cost = SLV_MIN(above[j] + 1, row[j - 1] + 1);

            cost = SLV_MIN(cost, above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == fold(b.ptr[j - 2]) && fold(a.ptr[i - 2]) == y)
                cost = SLV_MIN(cost, above2[j - 2] + 1);
            row[j] = cost;
        }
    }
    return rows[a.len % 3][b.len];
}

const char *slv_suggest(slv_str given, const char *const words[], size_t n)
{
    const char *best = NULL;
    size_t best_distance = given.len < 4 ? 2 : given.len / 3 + 1;

    for (size_t i = 0; i < n; i++) {
        size_t distance = words[i] ? slv_edit_distance(given, slv_str_from(words[i])) : SIZE_MAX;

        if (distance < best_distance) {
            best = words[i];
            best_distance = distance;
        }
    }
    return best;
}
