/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "mediate-text.h"

bool path_split(const char *path, char parent[PATH_MAX], char name[NAME_MAX + 1], bool *ret_slash) {
        size_t end = strlen(path);
        while (end > 0 && path[end - 1] == '/')
                end--;
        size_t begin = end;
        while (begin > 0 && path[begin - 1] != '/')
                begin--;
        if (end == begin || end - begin > NAME_MAX || begin >= PATH_MAX)
                return false;
        *ret_slash = path[end] == '/';
        memcpy(name, path + begin, end - begin);
        name[end - begin] = 0;
        memcpy(parent, begin > 0 ? path : ".", begin > 0 ? begin : 1);
        parent[begin > 0 ? begin : 1] = 0;
        return true;
}

int path_next(char *rest, char name[NAME_MAX + 1], bool *ret_slash) {
        char *at = rest + strspn(rest, "/");
        size_t length = strcspn(at, "/");
        while (length == 1 && at[0] == '.') {
                at += 1 + strspn(at + 1, "/");
                length = strcspn(at, "/");
        }
        if (length > NAME_MAX)
                return -ENAMETOOLONG;
        if (length == 0)
                return 0;
        memcpy(name, at, length);
        name[length] = 0;
        *ret_slash = at[length] == '/';
        at += length + strspn(at + length, "/");
        memmove(rest, at, strlen(at) + 1);
        return 1;
}

int path_insert(char *rest, const char *text, size_t length) {
        size_t n = strlen(rest), slash = n > 0;
        if (length + slash + n >= PATH_MAX)
                return -ENAMETOOLONG;
        memmove(rest + length + slash, rest, n + 1);
        memcpy(rest, text, length);
        if (slash)
                rest[length] = '/';
        return 0;
}

const char *path_beyond(const char *path, const char *root) {
        size_t n = strlen(root);
        if (n == 1) /* of "/" */
                return path + 1;
        if (strncmp(path, root, n) != 0)
                return NULL;
        return path[n] == '/' ? path + n + 1 : path[n] == 0 ? path + n : NULL;
}

bool path_is_deleted(const char *path) {
        static const char mark[] = " (deleted)";
        size_t n = strlen(path);
        return n >= sizeof(mark) - 1 && streq(path + n - (sizeof(mark) - 1), mark);
}

/* The number after a heading. The kernel escapes line ends in the only line before that an agent has a say in. */
static int read_number(const char *text, const char *heading, int base, unsigned long *ret) {
        const char *at = strstr(text, heading);
        char *end;
        if (!at)
                return -EBADMSG;
        at += strlen(heading);
        if (*at < '0' || *at > '9')
                return -EBADMSG;
        errno = 0;
        *ret = strtoul(at, &end, base);
        return errno != 0 || *end != '\n' || *ret > __INT_MAX__ ? -EBADMSG : 0;
}

int status_parse(const char *text, pid_t *ret_process, mode_t *ret_umask) {
        unsigned long mask, process;
        int r = read_number(text, "\nUmask:\t", 8, &mask);
        if (r == 0)
                r = read_number(text, "\nTgid:\t", 10, &process);
        if (r < 0)
                return r;
        *ret_umask = (mode_t)mask & 0777;
        *ret_process = (pid_t)process;
        return 0;
}

int stat_parse_terminal(const char *text, dev_t *ret) {
        const char *at = strrchr(text, ')'); /* of the name, in which anything may be */
        char *end;
        if (!at)
                return -EBADMSG;
        for (int i = 0; i < 5; i++) { /* state, parent, group, session, terminal: proc_pid_stat(5) */
                at = strchr(at, ' ');
                if (!at)
                        return -EBADMSG;
                at++;
        }
        if (*at < '0' || *at > '9')
                return -EBADMSG;
        errno = 0;
        unsigned long number = strtoul(at, &end, 10);
        if (errno != 0 || *end != ' ' || number > UINT32_MAX)
                return -EBADMSG;
        *ret = makedev(number >> 8 & 0xfff, (number & 0xff) | (number >> 12 & 0xfff00));
        return 0;
}
