internal import Synchronization

/// The tracer's image on its way: opened as two objects, its maps but for those with its data made, and the kernel's types
/// scanned. None of this waits for the other.
struct OpenedImage {
    let hooks: KernelHooks
    let relocation: RelocationTypes
    let objects: [BPFObject]
    let maps: SharedMaps

    init(mapLimit: UInt32?) throws(ProbeError) {
        let relocation = try RelocationTypes()
        var scanning: Result<KernelTypes, ProbeError>?
        var opening: Result<([BPFObject], SharedMaps), ProbeError>?
        let scanned = Atomic(false)
        concurrently(
            {
                scanning = Result { () throws(ProbeError) in try KernelTypes(functions: TracingPrograms.functions) }
                scanned.store(true, ordering: .relaxed)
            },
            {
                opening = Result { () throws(ProbeError) -> ([BPFObject], SharedMaps) in
                    let objects = [try BPFObject.tracer(relocation), try .tracer(relocation)]
                    if let mapLimit { objects[0].limitMaps(to: mapLimit) }
                    let maps = SharedMaps(of: objects[0])
                    while !scanned.load(ordering: .relaxed), maps.makeNext() {}
                    return (objects, maps)
                }
            })
        let types = try scanning!.get()
        let (objects, maps) = try opening!.get()
        var filling: Result<Void, ProbeError>?
        concurrently(
            {
                filling = Result { () throws(ProbeError) in
                    try relocation.fill(
                        from: types, names: objects[0].typeNames, identified: objects[0].identifiedStructs)
                }
                while maps.makeNext() {}
            },
            { while maps.makeNext() {} })
        try filling!.get()
        hooks = types.hooks
        self.relocation = relocation
        self.objects = objects
        self.maps = maps
    }
}
