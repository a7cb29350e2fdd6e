/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Where porters wait for work: one, who hears the channel from mxcd himself, and is followed by the next as soon as he has something to do. So who
 * begets them has nobody's descriptors, ever, and whatever becomes of a porter is of one connection. */

/* Until mxcd is gone: 0, or a negative errno. channel is borrowed. */
int yard_serve(int channel);
