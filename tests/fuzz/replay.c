/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "fuzz.h"

/* Runs files, and the files of directories, through a fuzz target: how its corpus is tested in every build, without
 * libFuzzer. Nothing replayed is a failure, so that a corpus cannot get lost unseen. */

static unsigned n_replayed;

static int replay_file(int fd, const struct stat *st) {
        size_t size = (size_t)st->st_size, done = 0;
        _cleanup_free_ uint8_t *data =
                        malloc(size > 0 ? size : 1); /* exactly so large, for the sanitizer's fences */
        if (!data)
                return -ENOMEM;
        while (done < size) {
                ssize_t n = read(fd, data + done, size - done);
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                done += (size_t)n;
        }
        (void)LLVMFuzzerTestOneInput(data, size); /* reserved, always 0 */
        n_replayed++;
        return 0;
}

static int replay(int dir, const char *name, bool descend);

static int replay_directory(int fd) {
        DIR *d = fdopendir(fd);
        if (!d) {
                int r = -errno;
                (void)close(fd); /* it is not the directory stream's yet */
                return r;
        }
        int r = 0;
        for (struct dirent *entry; r == 0 && (entry = readdir(d));)
                if (entry->d_name[0] != '.')
                        r = replay(dirfd(d), entry->d_name, false);
        (void)closedir(d); /* only read from */
        return r;
}

static int replay(int dir, const char *name, bool descend) {
        _cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return descend ? replay_directory(TAKE_FD(fd)) : 0;
        if (!S_ISREG(st.st_mode))
                return 0;
        int r = replay_file(fd, &st);
        if (r < 0)
                fprintf(stderr, "%s: %s\n", name, strerror(-r));
        return r;
}

int main(int argc, char **argv) {
        for (int i = 1; i < argc; i++) {
                int r = replay(AT_FDCWD, argv[i], true);
                if (r < 0) {
                        fprintf(stderr, "%s: %s\n", argv[i], strerror(-r));
                        return EXIT_FAILURE;
                }
        }
        printf("%u inputs\n", n_replayed);
        return n_replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
