package main

import (
	"fmt"
	"go/types"
	"strings"
)

// surface returns a line for each exported name of a package, and for each exported field and method of its types.
func surface(pkg *types.Package) (lines []string) {
	p := printer{pkg}
	for _, name := range pkg.Scope().Names() {
		object := pkg.Scope().Lookup(name)
		if !object.Exported() {
			continue
		}
		for _, line := range p.object(object) {
			lines = append(lines, "pkg "+pkg.Name()+", "+line)
		}
	}
	return lines
}

// printer writes types as they look from inside pkg. It leaves out parameter names, since programs cannot use them.
type printer struct{ pkg *types.Package }

func (p printer) object(object types.Object) []string {
	switch o := object.(type) {
	case *types.Const:
		return []string{fmt.Sprintf("const %s %s = %s", o.Name(), p.typ(o.Type()), o.Val().ExactString())}
	case *types.Var:
		return []string{fmt.Sprintf("var %s %s", o.Name(), p.typ(o.Type()))}
	case *types.Func:
		return []string{"func " + o.Name() + p.signature(o.Signature())}
	case *types.TypeName:
		return p.typeName(o)
	}
	return nil
}

// typeName lists a type, the exported fields of a struct, the methods of an interface, and the declared methods.
func (p printer) typeName(o *types.TypeName) []string {
	head := "type " + o.Name()
	if alias, ok := o.Type().(*types.Alias); ok {
		return []string{head + p.typeParams(alias.TypeParams()) + " = " + p.typ(alias.Rhs())}
	}
	named := o.Type().(*types.Named)
	head += p.typeParams(named.TypeParams())
	var lines []string
	switch under := named.Underlying().(type) {
	case *types.Struct:
		lines = append([]string{head + " struct"}, p.fields(head, under)...)
	case *types.Interface:
		lines = append(lines, head+" interface")
		for method := range under.Methods() {
			lines = append(lines, head+" interface, "+method.Name()+p.signature(method.Signature()))
		}
	default:
		lines = append(lines, head+" "+p.typ(under))
	}
	for method := range named.Methods() {
		if method.Exported() {
			receiver := p.typ(method.Signature().Recv().Type())
			lines = append(lines, "func ("+receiver+") "+method.Name()+p.signature(method.Signature()))
		}
	}
	return lines
}

func (p printer) fields(head string, structure *types.Struct) (lines []string) {
	for i := range structure.NumFields() {
		field, tag := structure.Field(i), structure.Tag(i)
		if !field.Exported() {
			continue
		}
		line := head + " struct, "
		if !field.Embedded() {
			line += field.Name() + " "
		}
		line += p.typ(field.Type())
		if tag != "" {
			line += " `" + tag + "`"
		}
		lines = append(lines, line)
	}
	return lines
}

// typ writes a type. It follows every type that can hold a function, since types.TypeString keeps parameter names.
func (p printer) typ(t types.Type) string {
	switch t := t.(type) {
	case *types.Signature:
		return "func" + p.signature(t)
	case *types.Pointer:
		return "*" + p.typ(t.Elem())
	case *types.Slice:
		return "[]" + p.typ(t.Elem())
	case *types.Array:
		return fmt.Sprintf("[%d]%s", t.Len(), p.typ(t.Elem()))
	case *types.Map:
		return "map[" + p.typ(t.Key()) + "]" + p.typ(t.Elem())
	case *types.Named:
		return p.qualified(t.Obj()) + p.typeArgs(t.TypeArgs())
	case *types.Alias:
		return p.qualified(t.Obj()) + p.typeArgs(t.TypeArgs())
	}
	return types.TypeString(t, types.RelativeTo(p.pkg))
}

func (p printer) qualified(o *types.TypeName) string {
	if o.Pkg() == nil || o.Pkg() == p.pkg {
		return o.Name()
	}
	return o.Pkg().Name() + "." + o.Name()
}

func (p printer) signature(s *types.Signature) string {
	text := p.typeParams(s.TypeParams()) + "(" + strings.Join(p.parameters(s), ", ") + ")"
	results := p.tuple(s.Results())
	switch len(results) {
	case 0:
		return text
	case 1:
		return text + " " + results[0]
	}
	return text + " (" + strings.Join(results, ", ") + ")"
}

func (p printer) parameters(s *types.Signature) []string {
	list := p.tuple(s.Params())
	if s.Variadic() {
		list[len(list)-1] = "..." + strings.TrimPrefix(list[len(list)-1], "[]")
	}
	return list
}

func (p printer) tuple(t *types.Tuple) (list []string) {
	for v := range t.Variables() {
		list = append(list, p.typ(v.Type()))
	}
	return list
}

func (p printer) typeParams(params *types.TypeParamList) string {
	var list []string
	for param := range params.TypeParams() {
		list = append(list, param.Obj().Name()+" "+p.typ(param.Constraint()))
	}
	return bracketed(list)
}

func (p printer) typeArgs(args *types.TypeList) string {
	var list []string
	for arg := range args.Types() {
		list = append(list, p.typ(arg))
	}
	return bracketed(list)
}

func bracketed(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return "[" + strings.Join(list, ", ") + "]"
}
