/* Single keys on the terminal. */
#include <errno.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "cli/dev_int.h"
#include "cli/term.h"

static struct termios saved;
static bool changed;

/* Also at exit(): a terminal without echo is a nuisance. */
static void restore(void)
{
    if (changed)
        tcsetattr(STDIN_FILENO, TCSANOW, &saved);
    changed = false;
}

static void open_browser(dev *d)
{
    pid_t pid = fork();

    if (pid == 0) {
        if (fork() == 0) { /* a grandchild: nobody has to wait for it */
            setsid();
            execlp("xdg-open", "xdg-open", d->url, (char *)NULL);
            execlp("open", "open", d->url, (char *)NULL);
            _exit(127);
        }
        _exit(0);
    }
    if (pid < 0)
        slv_term_warn("cannot start a browser; open %s", d->url);
}

static void help(void)
{
    slv_term_news("%s[b] open browser  [c] clear  [r] rebuild  [q] quit%s",
                  slv_term_color(stdout, SLV_COLOR_DIM), slv_term_color(stdout, SLV_COLOR_RESET));
}

static void key(dev *d, char c)
{
    switch (slv_ascii_lower(c)) {
    case 'b':
        open_browser(d);
        break;
    case 'c':
        fputs("\033[2J\033[3J\033[H", stdout);
        fflush(stdout);
        help();
        break;
    case 'r':
        for (size_t i = 0; i < d->worker_count; i++)
            slv_dev_worker_build(&d->workers[i]);
        break;
    case 'l':
        slv_term_news(
            "selvage runs everything on this machine: there is no remote mode to switch to");
        break;
    case 'h':
    case '?':
        help();
        break;
    case 'q':
    case 'x':
    case 3: /* ^C where the terminal does not make a signal of it */
        slv_dev_stop(d);
        break;
    default:
        break;
    }
}

static void on_input(slv_poll *poll, SLV_UNUSED unsigned events)
{
    dev_keys *keys = slv_container_of(poll, dev_keys, poll);
    dev *d = slv_container_of(keys, dev, keys);
    char buf[64];
    ssize_t n = read(STDIN_FILENO, buf, sizeof buf);

    if (n <= 0 && errno != EAGAIN && errno != EINTR) {
        slv_poll_stop(poll);
        return;
    }
    if (n > 0 && buf[0] == '\033') /* an arrow or function key */
        return;
    for (ssize_t i = 0; i < n; i++)
        key(d, buf[i]);
}

void slv_dev_keys_start(dev *d)
{
    struct termios raw;
    slv_err err;

    if (!d->o->interactive || d->keys.on || tcgetattr(STDIN_FILENO, &saved) != 0)
        return;
    raw = saved;
    raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0)
        return;
    changed = true;
    atexit(restore);
    d->keys.poll.fn = on_input;
    if (slv_poll_start(&d->keys.poll, d->loop, STDIN_FILENO, SLV_POLL_READ, &err) != SLV_OK) {
        restore();
        return;
    }
    d->keys.on = true;
    help();
}

void slv_dev_keys_stop(dev *d)
{
    slv_poll_stop(&d->keys.poll);
    restore();
}
