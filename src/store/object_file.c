#include "store/object_file.h"

#include <sqlite3.h>
#include <string.h>

static void put_u16(uint8_t *at, unsigned v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

static void put_u32(uint8_t *at, uint32_t v)
{
    put_u16(at, v >> 16);
    put_u16(at + 2, v & 0xffff);
}

void slv_object_file_template(uint8_t ret[SLV_OBJECT_FILE_SIZE])
{
    enum { HEADER = 100, WAL = 2, LEAF_TABLE = 13, UTF8 = 1, SCHEMA_FORMAT = 4 };

    memset(ret, 0, SLV_OBJECT_FILE_SIZE);
    memcpy(ret, "SQLite format 3", 16);
    put_u16(ret + 16, SLV_OBJECT_FILE_SIZE); /* page size */
    ret[18] = ret[19] = WAL;
    ret[21] = 64; /* fractions of a page, fixed by the format */
    ret[22] = ret[23] = 32;
    put_u32(ret + 24, 1); /* change counter */
    put_u32(ret + 28, 1); /* pages */
    put_u32(ret + 44, SCHEMA_FORMAT);
    put_u32(ret + 56, UTF8);
    put_u32(ret + 60, SLV_OBJECT_FILE_VERSION);
    put_u32(ret + 68, SLV_OBJECT_FILE_ID);
    put_u32(ret + 92, 1); /* the change counter that the next field is of */
    put_u32(ret + 96, SQLITE_VERSION_NUMBER);
    ret[HEADER] = LEAF_TABLE;
    put_u16(ret + HEADER + 5, SLV_OBJECT_FILE_SIZE); /* where cells begin */
}
