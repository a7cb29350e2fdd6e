/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "own-memory.h"

#include <sys/mman.h>

void *own_memory_map(size_t size) {
        void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
                return NULL;
        if (madvise(memory, size, MADV_DONTFORK) < 0) {
                (void)munmap(memory, size); /* nobody has seen it */
                return NULL;
        }
        return memory;
}
