/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "array.h"

#include <stdlib.h>
#include <string.h>

void *array_append(void *array, size_t *n, size_t element_size) {
        char *old;
        memcpy(&old, array, sizeof(old)); /* *array is a pointer of any type */
        char *grown = reallocarray(old, *n + 1, element_size);
        if (!grown)
                return NULL;
        memcpy(array, &grown, sizeof(grown));
        char *element = grown + *n * element_size;
        memset(element, 0, element_size);
        (*n)++;
        return element;
}
