#include "assets/assets.h"
#include "assets/type_table.h"

#define EXTENSION_MAX ((size_t)32)

/* "png" of "/a/b.png"; empty for "/a/.png" and "/a/png". */
static slv_str extension_of(slv_str path)
{
    size_t slash = slv_str_rchr(path, '/');
    slv_str name = slash < path.len ? slv_str_skip(path, slash + 1) : path;
    size_t dot = slv_str_rchr(name, '.');

    return dot > 0 && dot < name.len ? slv_str_skip(name, dot + 1) : SLV_STR_NULL;
}

slv_str slv_assets_type(slv_str path)
{
    slv_str extension = extension_of(path);
    char text[EXTENSION_MAX];
    unsigned low = 0, high = slv_type_row_count;

    if (extension.len == 0 || extension.len > sizeof text)
        return SLV_STR_NULL;
    for (size_t i = 0; i < extension.len; i++)
        text[i] = slv_ascii_lower(extension.ptr[i]);
    extension = slv_str_make(text, extension.len);
    while (low < high) {
        unsigned middle = (low + high) / 2;
        int order = slv_str_cmp(extension, slv_str_from(slv_type_rows[middle].extension));

        if (order == 0)
            return slv_str_from(slv_type_rows[middle].type);
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return SLV_STR_NULL;
}

static slv_str essence(slv_str type)
{
    return slv_str_trim(slv_str_sub(type, 0, slv_str_chr(type, ';', 0)));
}

slv_str slv_assets_type_extension(slv_str type, size_t n)
{
    slv_str wanted = essence(type);

    for (unsigned i = 0; i < slv_type_row_count; i++)
        if (slv_str_eq_nocase(essence(slv_str_from(slv_type_rows[i].type)), wanted) && n-- == 0)
            return slv_str_from(slv_type_rows[i].extension);
    return SLV_STR("");
}
