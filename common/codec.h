/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The encoding of what privileged programs hand to each other: plans and leases. One description of a message serves both directions:
 * each code_*() function either appends its field to a buffer or takes it from one, and checks it all the same. What cannot
 * be decoded can therefore not be encoded, and the two cannot drift apart. These are parsers that root runs: they keep no
 * state between messages and look nothing up.
 *
 * Numbers are little-endian u32, or u64 where said; a string is a u32 length without its NUL, its bytes and a NUL. Every byte is
 * accounted for. The first error stays, and makes everything after it a no-op: -EBADMSG decoding, -EINVAL or -E2BIG encoding,
 * -ENOMEM. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Codec {
        bool decoding;
        const uint8_t *in; /* decoding: what is left of the data; not owned */
        size_t left;
        uint8_t *out;      /* encoding: what has been made so far */
        size_t used, size;
        int error;
        const char *where; /* the field of the error; a static string */
} Codec;

/* At most LIMIT_PLAN_BYTES. The data must live as long as c. */
Codec codec_for_input(const uint8_t *data, size_t size);
/* 0, or the error and its place. That something is left is one. */
int codec_finish_input(Codec *c, const char **ret_where);
/* Takes the buffer: the caller frees *ret_data. */
int codec_take_output(Codec *c, uint8_t **ret_data, size_t *ret_size);

void codec_fail(Codec *c, int error, const char *where);
void codec_refuse(Codec *c, const char *where); /* the value itself breaks a rule */

void code_number(Codec *c, uint64_t *value, size_t width, const char *where); /* 1 to 8 bytes */
void code_u32(Codec *c, uint32_t *value, uint32_t least, uint32_t most, const char *where); /* both allowed */
void code_bool(Codec *c, bool *value, const char *where);
/* A count of things of item_size bytes; when decoding, *items becomes that many zeroes. Every item must take at least four bytes
 * of the message, so a small message cannot make a large allocation. */
void code_count(Codec *c, void **items, size_t *n, size_t item_size, size_t limit, const char *where);
void code_string(Codec *c, char **string, size_t limit, const char *where); /* never NULL */
void code_id(Codec *c, char **id, const char *where); /* of a sandbox: 32 lower-case hex digits */

/* Bytes that an encoding codec made before; and, of a decoding one, to go on behind such. */
void codec_append_encoded(Codec *c, const uint8_t *data, size_t size, const char *where);
void codec_skip(Codec *c, size_t size);

/* True for a string that is not empty and has nothing but these. */
bool consists_of(const char *string, const char *characters);

/* A memfd with the bytes, sealed (F_SEAL_SHRINK|GROW|WRITE|SEAL); and its reader, which refuses with -EPERM one that is not
 * so sealed. */
int sealed_memfd_new(const uint8_t *data, size_t size, int *ret_fd);
int sealed_memfd_read(int fd, uint8_t **ret_data, size_t *ret_size);
bool sealed_memfd_check(int fd); /* whether it is one */
