/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Memory that the launcher's children get no copy of. They would not only never read it: each page that the launcher writes to while they live
 * is theirs in its old state, as long as they live, and each page of thousands of sandboxes costs at each clone and each end. A child that
 * touches it dies of SIGSEGV. */

#include <stddef.h>

/* Zeroed, whole pages, for good. NULL: there is no memory. */
void *own_memory_map(size_t size);
