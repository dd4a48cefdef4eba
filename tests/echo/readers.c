/* A PKCS#11 module (v2.40) with a thousand empty readers: their list is an answer of 100 KB from the real host. */
#include <string.h>

enum { READERS = 1000, FUNCTIONS = 68, OK = 0, BUFFER_TOO_SMALL = 0x150 };

#define NAME "A reader whose name is as long as PKCS#11 lets it be, namely 64!"

typedef unsigned long number;
typedef struct { unsigned char major, minor; } version;
typedef struct { version cryptoki; char maker[32]; number flags; char description[32]; version library; } info;
typedef struct { char description[64]; char maker[32]; number flags; version hardware, firmware; } slot_info;

static number initialize(void *arguments) { (void)arguments; return OK; }

static number get_info(info *told) {
    memset(told, 0, sizeof *told);
    memset(told->maker, ' ', sizeof told->maker);
    memset(told->description, ' ', sizeof told->description);
    told->cryptoki = (version){2, 40};
    return OK;
}

static number get_slot_list(unsigned char with_token, number *slots, number *count) {
    number found = with_token ? 0 : READERS;
    if (slots && *count < found) return BUFFER_TOO_SMALL;
    for (number slot = 0; slots && slot < found; slot++) slots[slot] = slot;
    *count = found;
    return OK;
}

static number get_slot_info(number slot, slot_info *told) {
    (void)slot;
    memset(told, 0, sizeof *told);
    memset(told->maker, ' ', sizeof told->maker);
    memcpy(told->description, NAME, sizeof told->description);
    return OK;
}

static struct { version cryptoki; void *functions[FUNCTIONS]; } list = {
    {2, 40}, {[0] = initialize, [2] = get_info, [4] = get_slot_list, [5] = get_slot_info}
};

number C_GetFunctionList(void **told) { *told = &list; return OK; }
