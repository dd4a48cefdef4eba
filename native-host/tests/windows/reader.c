/* A PKCS#11 module for Windows that has one reader, no token, and no manners: it prints to stdout. Written from the standard
   alone (PKCS#11 3.1, 2.1: structures without gaps; CK_ULONG is Windows' long, of 32 bits), so that it and the host agree only
   if both are right. */

#include <stdio.h>
#include <string.h>

typedef unsigned char CK_BYTE;
typedef unsigned long CK_ULONG;
typedef CK_ULONG CK_RV;

#define CKR_OK 0x00
#define CKR_SLOT_ID_INVALID 0x03
#define CKR_BUFFER_TOO_SMALL 0x150
#define CKF_REMOVABLE_DEVICE 0x02
#define CKF_HW_SLOT 0x04
#define SLOT 7

#pragma pack(push, 1)
struct info {
    CK_BYTE cryptoki_version[2], manufacturer[32];
    CK_ULONG flags;
    CK_BYTE description[32], version[2];
};
struct slot_info {
    CK_BYTE description[64], manufacturer[32];
    CK_ULONG flags;
    CK_BYTE hardware[2], firmware[2];
};
struct function_list {
    CK_BYTE version[2];
    /* In the order of pkcs11f.h. */
    void *initialize, *finalize, *get_info, *get_function_list, *get_slot_list, *get_slot_info, *others[62];
};
#pragma pack(pop)

static void pad(CK_BYTE *to, size_t size, const char *text) {
    memset(to, ' ', size);
    memcpy(to, text, strlen(text));
}

static CK_RV initialize(void *arguments) {
    printf("hello from the reader\n");
    fflush(stdout);
    return CKR_OK;
}

static CK_RV finalize(void *reserved) { return CKR_OK; }

static CK_RV get_info(struct info *info) {
    memset(info, 0, sizeof *info);
    info->cryptoki_version[0] = 2;
    info->cryptoki_version[1] = 40;
    pad(info->manufacturer, sizeof info->manufacturer, "Qcert's tests");
    pad(info->description, sizeof info->description, "a reader");
    info->version[0] = 4;
    info->version[1] = 2;
    return CKR_OK;
}

static CK_RV get_slot_list(CK_BYTE with_token, CK_ULONG *slots, CK_ULONG *count) {
    CK_ULONG room = *count;
    *count = with_token ? 0 : 1;
    if (slots == NULL || *count == 0) {
        return CKR_OK;
    }
    if (room < *count) {
        return CKR_BUFFER_TOO_SMALL;
    }
    slots[0] = SLOT;
    return CKR_OK;
}

static CK_RV get_slot_info(CK_ULONG slot, struct slot_info *info) {
    if (slot != SLOT) {
        return CKR_SLOT_ID_INVALID;
    }
    memset(info, 0, sizeof *info);
    pad(info->description, sizeof info->description, "An empty reader");
    pad(info->manufacturer, sizeof info->manufacturer, "Qcert's tests");
    info->flags = CKF_REMOVABLE_DEVICE | CKF_HW_SLOT;
    return CKR_OK;
}

__declspec(dllexport) CK_RV C_GetFunctionList(struct function_list **list) {
    static struct function_list ours = {{2, 40}};
    ours.initialize = initialize;
    ours.finalize = finalize;
    ours.get_info = get_info;
    ours.get_function_list = C_GetFunctionList;
    ours.get_slot_list = get_slot_list;
    ours.get_slot_info = get_slot_info;
    *list = &ours;
    return CKR_OK;
}
