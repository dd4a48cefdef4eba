/* A process that loads a PKCS#11 module, asks it for its slots, says so and waits: what the module takes of the memory. */
#include <dlfcn.h>
#include <stdio.h>

typedef struct { unsigned char major, minor; void *functions[68]; } list;
typedef unsigned long number;

int main(int count, char **arguments) {
    (void)count;
    list *module;
    void *library = dlopen(arguments[1], RTLD_NOW);
    number (*get_list)(list **) = library ? (number (*)(list **))dlsym(library, "C_GetFunctionList") : 0;
    if (!get_list || get_list(&module)) return 1;
    number (*initialize)(void *) = (number (*)(void *))module->functions[0];
    number (*get_slots)(unsigned char, number *, number *) = (number (*)(unsigned char, number *, number *))module->functions[4];
    number slots = 0;
    if (initialize(0) || get_slots(0, 0, &slots)) return 1;
    puts("ready");
    fflush(stdout);
    return getchar() == EOF ? 0 : 1;
}
