/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include "cleanup.h"
#include "fd.h"

int fd_write_all(int fd, const void *data, size_t size) {
        const uint8_t *p = data;
        while (size > 0) {
                ssize_t n = write(fd, p, size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                p += n;
                size -= (size_t)n;
        }
        return 0;
}

int fd_pread_all(int fd, void *data, size_t size, off_t offset) {
        uint8_t *p = data;
        while (size > 0) {
                ssize_t n = pread(fd, p, size, offset);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -ENODATA;
                p += n;
                offset += n;
                size -= (size_t)n;
        }
        return 0;
}

int fd_write_file_at(int dir, const char *name, const char *text) {
        _cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;
        ssize_t n = write(fd, text, strlen(text));
        if (n < 0)
                return -errno;
        return (size_t)n == strlen(text) ? 0 : -EIO;
}

int fd_read_all(int fd, size_t limit, char **ret, size_t *ret_size) {
        _cleanup_free_ char *buffer = NULL;
        size_t used = 0, size = 0;
        for (;;) {
                if (used + 1 >= size) {
                        size = size == 0 ? 4096 : size * 2;
                        char *grown = realloc(buffer, size);
                        if (!grown)
                                return -ENOMEM;
                        buffer = grown;
                }
                ssize_t n = read(fd, buffer + used, size - used - 1);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                used += (size_t)n;
                if (used > limit)
                        return -EFBIG;
        }
        buffer[used] = 0;
        *ret = TAKE_PTR(buffer);
        if (ret_size)
                *ret_size = used;
        return 0;
}

int fd_read_file_at(int dir, const char *name, size_t limit, char **ret, size_t *ret_size) {
        _cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        return fd < 0 ? -errno : fd_read_all(fd, limit, ret, ret_size);
}

int fd_openat2(int dir, const char *path, uint64_t flags, uint64_t resolve) {
        struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = resolve };
        int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
        return fd < 0 ? -errno : fd;
}

#ifndef __GLIBC__ /* musl has no wrapper before 1.2.6 */
static int close_range(unsigned first, unsigned last, int flags) {
        return (int)syscall(SYS_close_range, first, last, flags);
}
#endif

static int compare_numbers(const void *a, const void *b) {
        return *(const int *)a - *(const int *)b;
}

int fd_close_others(int *kept, size_t n) {
        unsigned next = 3;
        if (n > 0)
                qsort(kept, n, sizeof(int), compare_numbers);
        for (size_t i = 0; i < n; i++) {
                if ((unsigned)kept[i] > next && close_range(next, (unsigned)kept[i] - 1, 0) < 0)
                        return -errno;
                next = (unsigned)kept[i] + 1;
        }
        return close_range(next, ~0U, 0) < 0 ? -errno : 0;
}
