/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "codec.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "fd.h"
#include "limits.h"

void codec_fail(Codec *c, int error, const char *where) {
        if (c->error != 0)
                return;
        c->error = error;
        c->where = where;
}

/* The value itself breaks a rule. */
void codec_refuse(Codec *c, const char *where) {
        codec_fail(c, c->decoding ? -EBADMSG : -EINVAL, where);
}

static void codec_append(Codec *c, const void *data, size_t n, const char *where) {
        if (n > LIMIT_PLAN_BYTES - c->used) {
                codec_fail(c, -E2BIG, where);
                return;
        }
        if (c->size - c->used < n) {
                size_t size = c->size < 4096 ? 4096 : c->size;
                while (size - c->used < n)
                        size *= 2;
                uint8_t *grown = realloc(c->out, size);
                if (!grown) {
                        codec_fail(c, -ENOMEM, where);
                        return;
                }
                c->out = grown;
                c->size = size;
        }
        memcpy(c->out + c->used, data, n);
        c->used += n;
}

void codec_append_encoded(Codec *c, const uint8_t *data, size_t size, const char *where) {
        if (c->error == 0)
                codec_append(c, data, size, where);
}

void codec_skip(Codec *c, size_t size) {
        if (size > c->left) {
                codec_refuse(c, "size");
                return;
        }
        c->in += size;
        c->left -= size;
}

void code_number(Codec *c, uint64_t *value, size_t width, const char *where) {
        if (c->error != 0)
                return;
        uint8_t bytes[8];
        if (!c->decoding) {
                for (size_t i = 0; i < width; i++)
                        bytes[i] = (uint8_t)(*value >> (8 * i));
                codec_append(c, bytes, width, where);
                return;
        }
        if (c->left < width) {
                codec_refuse(c, where);
                return;
        }
        *value = 0;
        for (size_t i = 0; i < width; i++)
                *value |= (uint64_t)c->in[i] << (8 * i);
        c->in += width;
        c->left -= width;
}

/* A number from least to most, both allowed. */
void code_u32(Codec *c, uint32_t *value, uint32_t least, uint32_t most, const char *where) {
        uint64_t wide = *value;
        code_number(c, &wide, 4, where);
        if (c->error != 0)
                return;
        if (wide < least || wide > most)
                codec_refuse(c, where);
        else
                *value = (uint32_t)wide;
}

void code_bool(Codec *c, bool *value, const char *where) {
        uint32_t number = *value ? 1 : 0;
        code_u32(c, &number, 0, 1, where);
        *value = number == 1;
}

/* A count of things of item_size bytes; when decoding, *items becomes that many zeroes. Every item takes at least
 * four bytes of the message, so a small message cannot make a large allocation. */
void code_count(Codec *c, void **items, size_t *n, size_t item_size, size_t limit, const char *where) {
        if (!c->decoding && *n > limit) {
                codec_fail(c, -E2BIG, where);
                return;
        }
        uint32_t number = (uint32_t)*n;
        code_u32(c, &number, 0, (uint32_t)limit, where);
        if (c->error != 0 || !c->decoding)
                return;
        if (number > c->left / 4) {
                codec_refuse(c, where);
                return;
        }
        if (number == 0)
                return;
        *items = calloc(number, item_size);
        if (!*items)
                codec_fail(c, -ENOMEM, where);
        else
                *n = number;
}

void code_string(Codec *c, char **string, size_t limit, const char *where) {
        if (c->error != 0)
                return;
        if (!c->decoding) {
                size_t n = *string ? strlen(*string) : 0;
                if (!*string || n > limit) {
                        codec_refuse(c, where);
                        return;
                }
                uint64_t length = n;
                code_number(c, &length, 4, where);
                if (c->error == 0)
                        codec_append(c, *string, n + 1, where);
                return;
        }
        uint64_t length = 0;
        code_number(c, &length, 4, where);
        if (c->error != 0)
                return;
        if (length > limit || length >= c->left || c->in[length] != 0 || memchr(c->in, 0, length)) {
                codec_refuse(c, where);
                return;
        }
        *string = strdup((const char *)c->in);
        if (!*string) {
                codec_fail(c, -ENOMEM, where);
                return;
        }
        c->in += length + 1;
        c->left -= length + 1;
}

bool consists_of(const char *string, const char *characters) {
        return string[0] != 0 && string[strspn(string, characters)] == 0;
}

static bool id_is_valid(const char *id) {
        return strlen(id) == 32 && consists_of(id, "0123456789abcdef");
}

void code_id(Codec *c, char **id, const char *where) {
        code_string(c, id, 32, where);
        if (c->error == 0 && !id_is_valid(*id))
                codec_refuse(c, where);
}

int codec_take_output(Codec *c, uint8_t **ret_data, size_t *ret_size) {
        _cleanup_free_ uint8_t *out = c->out;
        if (c->error != 0)
                return c->error;
        *ret_data = TAKE_PTR(out);
        *ret_size = c->used;
        return 0;
}

int codec_finish_input(Codec *c, const char **ret_where) {
        if (c->error == 0 && c->left > 0)
                codec_refuse(c, "end");
        if (c->error != 0 && ret_where)
                *ret_where = c->where;
        return c->error;
}

Codec codec_for_input(const uint8_t *data, size_t size) {
        Codec c = { .decoding = true, .in = data, .left = size };
        if (size > LIMIT_PLAN_BYTES)
                codec_refuse(&c, "size");
        return c;
}

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

int sealed_memfd_new(const uint8_t *data, size_t size, int *ret_fd) {
        _cleanup_close_ int fd = memfd_create("mxc-sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        int r = fd_write_all(fd, data, size);
        if (r < 0)
                return r;
        if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

bool sealed_memfd_check(int fd) {
        int seals = fcntl(fd, F_GET_SEALS); /* EINVAL for anything but a memfd */
        return seals >= 0 && (seals & SEALS) == SEALS;
}

int sealed_memfd_read(int fd, uint8_t **ret_data, size_t *ret_size) {
        if (!sealed_memfd_check(fd))
                return -EPERM;
        struct stat st;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size <= 0 || st.st_size > (off_t)LIMIT_PLAN_BYTES)
                return -E2BIG;
        _cleanup_free_ uint8_t *data = malloc((size_t)st.st_size);
        if (!data)
                return -ENOMEM;
        int r = fd_pread_all(fd, data, (size_t)st.st_size, 0);
        if (r < 0)
                return r;
        *ret_data = TAKE_PTR(data);
        *ret_size = (size_t)st.st_size;
        return 0;
}
