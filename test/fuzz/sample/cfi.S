// SPDX-License-Identifier: Apache-2.0
//
// Every kind of call frame information a compiler writes, and some that only
// people write.
	.text
	.globl sample_frame
	.hidden sample_frame
	.type sample_frame, @function
sample_frame:
	.cfi_startproc
	push %rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	mov %rsp, %rbp
	.cfi_def_cfa_register %rbp
	push %rbx
	.cfi_offset %rbx, -24
	.cfi_remember_state
	pop %rbx
	.cfi_restore %rbx
	pop %rbp
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_restore_state
	.fill 300, 1, 0x90
	.cfi_same_value %r12
	.cfi_undefined %r13
	.cfi_register %r14, %rbx
	leave
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
	.size sample_frame, . - sample_frame

	.globl sample_signal
	.hidden sample_signal
	.type sample_signal, @function
sample_signal:
	.cfi_startproc
	.cfi_signal_frame
	// DW_CFA_def_cfa_expression: breg7 (rsp) 160, deref
	.cfi_escape 0x0f, 0x04, 0x77, 0xa0, 0x01, 0x06
	// DW_CFA_expression: rbp at breg7 120; the return address at breg7 168
	.cfi_escape 0x10, 0x06, 0x03, 0x77, 0xf8, 0x00
	.cfi_escape 0x10, 0x10, 0x03, 0x77, 0xa8, 0x01
	// DW_CFA_val_expression: rbx = breg3 0, lit8, plus
	.cfi_escape 0x16, 0x03, 0x04, 0x73, 0x00, 0x38, 0x22
	nop
	nop
	ret
	.cfi_endproc
	.size sample_signal, . - sample_signal

	.globl sample_guarded
	.hidden sample_guarded
	.type sample_guarded, @function
sample_guarded:
	.cfi_startproc
	.cfi_personality 0x1b, sample_frame
	.cfi_lsda 0x1b, sample_signal
	sub $24, %rsp
	.cfi_adjust_cfa_offset 24
	add $24, %rsp
	.cfi_adjust_cfa_offset -24
	ret
	.cfi_endproc
	.size sample_guarded, . - sample_guarded

	.globl sample_outermost
	.hidden sample_outermost
	.type sample_outermost, @function
sample_outermost:
	.cfi_startproc
	.cfi_undefined %rip
	call sample_guarded
	hlt
	.cfi_endproc
	.size sample_outermost, . - sample_outermost
	.section .note.GNU-stack, "", @progbits
