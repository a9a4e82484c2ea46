//! Writes what functions have in common with the same bytes, where the code leaves a choice, so that a compressor finds it:
//! the numbers of locals, and the alignment that an access is said to have. Sections that only tools read are left out.
//!
//! What the code does is the same: an alignment is a hint by the specification, and no result depends on it.

use std::convert::Infallible;

use anyhow::{Context, Result};
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{CodeSection, Function, Instruction, MemArg, Module};
use wasmparser::{
    CodeSectionReader, CustomSectionReader, FunctionBody, FunctionSectionReader, Operator, Parser, TypeSectionReader,
    ValType,
};

/// The same code, evenly written.
pub fn written(code: &[u8]) -> Result<Vec<u8>> {
    let mut module = Module::new();
    Even::default().parse_core_module(&mut module, Parser::new(0), code).context("cannot write the code evenly")?;
    Ok(module.finish())
}

#[derive(Default)]
struct Even {
    /// How many parameters the functions of each type have.
    parameters: Vec<usize>,
    /// The type of each function.
    types: Vec<u32>,
    /// The new number of each local of the function that is being written, parameters included.
    locals: Vec<u32>,
}

impl Even {
    fn function(&mut self, body: &FunctionBody<'_>, parameters: usize) -> Result<Function, Error<Infallible>> {
        let mut types = Vec::new();
        for locals in body.get_locals_reader()? {
            let (count, of_type) = locals?;
            types.extend((0..count).map(|_| of_type));
        }
        let order = order_of_locals(body, parameters, &types)?;
        self.locals = (0..(parameters + types.len()) as u32).collect();
        for (place, local) in order.iter().enumerate() {
            self.locals[parameters + local] = (parameters + place) as u32;
        }
        let declared: Result<Vec<_>, _> = order.iter().map(|local| self.val_type(types[*local])).collect();
        let mut function = Function::new_with_locals_types(declared?);
        for operator in body.get_operators_reader()? {
            function.instruction(&self.instruction(operator?)?);
        }
        Ok(function)
    }
}

/// A function's own locals, in the order that they shall have. Those of one type stand together, as they are declared.
/// First of them is the one that is used first, which is the frame on the stack where there is one; then by how often they
/// are used, so that the same few numbers are in most instructions. By first use alone gains a tenth of this.
fn order_of_locals(
    body: &FunctionBody<'_>,
    parameters: usize,
    types: &[ValType],
) -> Result<Vec<usize>, Error<Infallible>> {
    let mut met = Vec::new();
    let mut uses = vec![0_usize; types.len()];
    for operator in body.get_operators_reader()? {
        let (Operator::LocalGet { local_index }
        | Operator::LocalSet { local_index }
        | Operator::LocalTee { local_index }) = operator?
        else {
            continue;
        };
        if let Some(local) = (local_index as usize).checked_sub(parameters) {
            uses[local] += 1;
            if uses[local] == 1 {
                met.push(local);
            }
        }
    }
    let place_of_type = |local: &usize| met.iter().position(|other| types[*other] == types[*local]);
    let mut order: Vec<(usize, usize)> = met.iter().copied().enumerate().collect();
    order.sort_by_key(|(place, local)| (place_of_type(local), *place != 0, usize::MAX - uses[*local], *place));
    let mut order: Vec<usize> = order.into_iter().map(|(_, local)| local).collect();
    order.extend((0..types.len()).filter(|local| uses[*local] == 0));
    Ok(order)
}

impl Reencode for Even {
    type Error = Infallible;

    fn parse_type_section(
        &mut self,
        types: &mut wasm_encoder::TypeSection,
        section: TypeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        for of_type in section.clone().into_iter_err_on_gc_types() {
            self.parameters.push(of_type?.params().len());
        }
        utils::parse_type_section(self, types, section)
    }

    fn parse_function_section(
        &mut self,
        functions: &mut wasm_encoder::FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        self.types = section.clone().into_iter().collect::<Result<_, _>>()?;
        utils::parse_function_section(self, functions, section)
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        for (function, body) in section.into_iter().enumerate() {
            let parameters = self.parameters[self.types[function] as usize];
            code.function(&self.function(&body?, parameters)?);
        }
        Ok(())
    }

    fn instruction<'a>(&mut self, operator: Operator<'a>) -> Result<Instruction<'a>, Error<Infallible>> {
        Ok(match utils::instruction(self, operator)? {
            Instruction::LocalGet(local) => Instruction::LocalGet(self.locals[local as usize]),
            Instruction::LocalSet(local) => Instruction::LocalSet(self.locals[local as usize]),
            Instruction::LocalTee(local) => Instruction::LocalTee(self.locals[local as usize]),
            other => other,
        })
    }

    fn mem_arg(&mut self, access: wasmparser::MemArg) -> Result<MemArg, Error<Infallible>> {
        Ok(MemArg { align: 0, ..utils::mem_arg(self, access)? })
    }

    fn parse_custom_section(&mut self, _: &mut Module, _: CustomSectionReader<'_>) -> Result<(), Error<Infallible>> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        CodeSection, Function, FunctionSection, MemArg, MemorySection, MemoryType, Module, TypeSection, ValType,
    };
    use wasmparser::{Operator, Parser, Payload, Validator};

    use super::written;

    /// One function with a parameter and these locals, which uses them, and reads at an address with an alignment.
    fn code(locals: &[ValType], used: &[u32]) -> Vec<u8> {
        let (mut types, mut functions, mut memory) = (TypeSection::new(), FunctionSection::new(), MemorySection::new());
        types.ty().function([ValType::I32], []);
        functions.function(0);
        memory.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
        let mut function = Function::new_with_locals_types(locals.iter().copied());
        for local in used {
            function.instructions().local_get(*local).drop();
        }
        function.instructions().local_get(0).i32_load(MemArg { offset: 4, align: 2, memory_index: 0 }).drop().end();
        let mut code = CodeSection::new();
        code.function(&function);
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&memory).section(&code);
        module.finish()
    }

    /// The types of the locals, which ones are used, and how the access is said to be aligned.
    fn read(code: &[u8]) -> (Vec<wasmparser::ValType>, Vec<u32>, Vec<u8>) {
        Validator::new().validate_all(code).expect("sound code");
        let (mut types, mut used, mut aligned) = (Vec::new(), Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(code) {
            let Payload::CodeSectionEntry(body) = payload.expect("sound code") else { continue };
            for locals in body.get_locals_reader().expect("sound code") {
                let (count, of_type) = locals.expect("sound code");
                types.extend((0..count).map(|_| of_type));
            }
            for operator in body.get_operators_reader().expect("sound code") {
                match operator.expect("sound code") {
                    Operator::LocalGet { local_index } => used.push(local_index),
                    Operator::I32Load { memarg } => aligned.push(memarg.align),
                    _ => {}
                }
            }
        }
        (types, used, aligned)
    }

    #[test]
    fn locals_are_numbered_by_use_and_keep_their_types() {
        use wasmparser::ValType::{F64, I32};
        // 3 is used first and its type comes first; of the others of that type 4 is used more than 1; nothing uses 5.
        let given = code(&[ValType::I32, ValType::F64, ValType::I32, ValType::I32, ValType::I32], &[3, 2, 1, 4, 0, 4]);
        let (types, used, aligned) = read(&written(&given).expect("sound code"));
        assert_eq!(types, [I32, I32, I32, F64, I32]);
        assert_eq!(used, [1, 4, 3, 2, 0, 2, 0]);
        assert_eq!(aligned, [0]);
    }
}
