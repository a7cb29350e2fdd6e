/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One end of a pipe to a command, as a stream that is given out. */

#include "ffi-own.h"

/* Each takes fd over, in any case; NULL: out of memory. */
MxcReadStream *stream_reader_new(int fd, int closed);
MxcWriteStream *stream_writer_new(int fd);
/* closed is an eventfd that readers of the same stream look at; dup()ed. */
MxcStreamCloser *stream_closer_new(int closed);
