// SPDX-License-Identifier: Apache-2.0
//
// Description: labels as hand-written assembly has them, with sizes and
// without, and code that none of them means.
	.text
	.globl sized, unsized, main
sized:
	nop
	ret
	.size sized, .-sized
	nop			// nobody's: beyond the size
	nop
	.balign 16
unsized:
	nop
	nop
	ret
	.balign 16
	.type static_one, @function
static_one:			// stripped, but has CFI
	.cfi_startproc
	nop
	ret
	.cfi_endproc
	.size static_one, .-static_one
	.balign 16
	.type main, @function
main:
	.cfi_startproc
	xor %eax, %eax
	ret
	.cfi_endproc
	.size main, .-main
	.section .note.GNU-stack, "", @progbits
