/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The whole macro shelf of this project: scope-bound ownership and a handful of words. An owned pointer is
 * NULL when empty, an owned descriptor is -EBADF; destructors take both. */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _unused_ __attribute__((unused))
#define _printf_(a, b) __attribute__((format(printf, a, b)))

/* DEFINE_CLEANUP(Policy *, policy_free) makes policy_freep(), for _cleanup_(policy_freep). */
#define DEFINE_CLEANUP(type, func)                                                                           \
        static inline void func##p(type *p) {                                                                \
                if (*p)                                                                                      \
                        func(*p);                                                                            \
        }                                                                                                    \
        struct mxc_swallow_semicolon

static inline void cleanup_freep(void *p) {
        free(*(void **)p);
}

static inline void cleanup_closep(int *fd) {
        if (*fd >= 0) {
                int saved = errno;
                (void)close(*fd); /* Linux releases the descriptor whatever close() says: close(2) */
                errno = saved;
        }
}

static inline void cleanup_fclosep(FILE **f) {
        if (*f)
                (void)fclose(*f);
}

#define _cleanup_free_ _cleanup_(cleanup_freep)
#define _cleanup_close_ _cleanup_(cleanup_closep)
#define _cleanup_fclose_ _cleanup_(cleanup_fclosep)

#define TAKE_PTR(p)                                                                                          \
        ({                                                                                                   \
                __typeof__(p) *pp_ = &(p);                                                                   \
                __typeof__(p) v_ = *pp_;                                                                     \
                *pp_ = NULL;                                                                                 \
                v_;                                                                                          \
        })
#define TAKE_FD(fd)                                                                                          \
        ({                                                                                                   \
                int *fp_ = &(fd);                                                                            \
                int v_ = *fp_;                                                                               \
                *fp_ = -EBADF;                                                                               \
                v_;                                                                                          \
        })

#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))

static inline bool streq(const char *a, const char *b) {
        return strcmp(a, b) == 0;
}
