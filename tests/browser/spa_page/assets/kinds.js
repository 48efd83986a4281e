// The three kinds of records: the fields of their forms with the values that a new form begins with, and their filters.

export const KINDS = {
  imageRegistry: {
    name: "ImageRegistry",
    template: "imageregistry_ImageRegistry",
    form: {
      name: "", address: "", description: "", source: "", isOnShelf: false, supportMemorySplit: false, remark: ""
    },
    filters: ["name", "address", "source", "isOnShelf"]
  },
  computeNode: {
    name: "ComputeNode",
    template: "computenode_ComputeNode",
    form: {
      name: "", region: "", cpu: 0, memory: 0, systemDisk: 0, dataDisk: 0, publicIp: "", privateIp: "", sshPort: 22,
      username: "", password: "", gpuName: "", gpuCount: 0, memoryCapacity: 0, hamiCore: "", dockerAddress: "",
      useTls: true, caCert: "", clientCert: "", clientKey: "", isOnShelf: true, remark: ""
    },
    filters: ["name", "region", "publicIp", "privateIp", "gpuName", "isOnShelf"]
  },
  productSpec: {
    name: "ProductSpec",
    template: "product_ProductSpec",
    form: {
      name: "", gpuModel: "", gpuCount: 0, memoryCapacity: 0, cpuCores: 0, memoryGb: 0, systemDiskGb: 0, dataDiskGb: 0,
      pricePerHour: 0, isOnShelf: false, supportMemorySplit: false, remark: ""
    },
    filters: ["name", "gpuModel", "isOnShelf"]
  }
}
