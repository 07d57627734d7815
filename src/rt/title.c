#include "rt/title.h"

#include <string.h>
#include <unistd.h>

#include "base/mem.h"

extern char **environ;

static struct {
    char *at;
    size_t size;
} room;

void slv_title_init(int argc, char **argv)
{
    char *end = argv[0];

    for (int i = 0; i < argc && argv[i] == end; i++)
        end += strlen(argv[i]) + 1;
    for (char **e = environ; *e && *e == end; e++)
        end += strlen(*e) + 1;
    for (char **e = environ; *e; e++)
        *e = slv_strdup(*e); /* lives as long as the process */
    room.at = argv[0];
    room.size = (size_t)(end - argv[0]);
}

void slv_title_set(const char *title)
{
    size_t len = strlen(title);

    if (room.size == 0 || len == 0)
        return;
    if (len > room.size - 1)
        len = room.size - 1;
    memset(room.at, 0, room.size);
    memcpy(room.at, title, len);
}
